"""The next poll finds changes made before a client listened."""

from __future__ import annotations

from tests.integration.sessions.conversations import SESSIONS
from tests.integration.sessions.titles import says
from tests.world import World


async def test_a_late_watcher_of_the_list_gets_recent_changes(world: World) -> None:
    """A title is set after the list was read and before the socket watches: it is announced to this socket, too."""
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
