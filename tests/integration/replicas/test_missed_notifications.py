"""News that came before somebody listened: the next look makes them good."""

from __future__ import annotations

from tests.integration.sessions.conversations import SESSIONS
from tests.integration.sessions.titles import says
from tests.world import World


async def test_who_joins_the_list_late_hears_what_has_just_changed(world: World) -> None:
    """The list was read, the title came, and only then did the socket watch: others have heard of it, this one does too."""
    gateway = await world.gateway()
    mia = await world.person("mia", gateway.url)
    early, late = await mia.connects(), await mia.connects(channel="terminal")
    await early.says(type="watch")
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    assert (await mia.gets(SESSIONS))["sessions"][0]["title"] is None
    await says(mia, "hello there", session)
    while (await early.hears("session"))["session"]["title"] is None:
        pass
    await late.says(type="watch")
    assert (await late.hears("session"))["session"]["title"] == "hello there"
