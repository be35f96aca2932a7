"""A title that was made of what was said goes with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_titles import SESSIONS, becomes, change, gateway_with, says, title_of
from tests.world import Person, World


async def rewords(person: Person, session: str, seq: int, text: str, *, again: bool = False) -> None:
    """Another text for a message."""
    change = {"text": text, "answer_again": again}
    status, body = await person.calls("PATCH", f"{SESSIONS}/{session}/messages/{session}.{seq}", json=change)
    assert status == 200, body


async def deletes(person: Person, session: str, *seqs: int) -> None:
    """Takes messages out."""
    for seq in seqs:
        assert (await person.calls("DELETE", f"{SESSIONS}/{session}/messages/{session}.{seq}"))[0] == 204


async def found(person: Person, word: str) -> list[Any]:
    """The sessions that a search finds."""
    sessions: list[Any] = (await person.gets(f"{SESSIONS}?q={word}"))["sessions"]
    return sessions


async def test_a_deleted_opening_is_no_title_any_more(world: World) -> None:
    """M-7: search does not find it, and the next message of the user is the title."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await says(mia, "my password is hunter2zz")
    assert len(await found(mia, "hunter2zz")) == 1
    await deletes(mia, session, 1, 2)
    assert await title_of(mia, session) is None
    assert await found(mia, "hunter2zz") == []
    await says(mia, "what is the weather", session)
    await rewords(mia, session, 3, "what is the time")
    assert await title_of(mia, session) == "what is the time"


@pytest.mark.parametrize("again", [False, True])
async def test_an_edited_opening_gives_another_title(world: World, *, again: bool) -> None:
    """Of the text at once; where the agent names conversations it is asked again."""
    plain = await world.person("mia", (await world.gateway(data_dir="a")).url)
    session = await says(plain, "hunter2zz")
    await rewords(plain, session, 1, "a greeting", again=again)
    assert await title_of(plain, session) == "a greeting"
    named = await world.person("ann", (await gateway_with(world, "Named")).url)
    session = await says(named, "hunter2zz")
    await becomes(named, session, "Talk of 2: hunter2zz")
    await rewords(named, session, 1, "hello", again=again)
    await becomes(named, session, "Talk of 2: hello")


async def test_a_rewind_takes_the_title_back_too(world: World) -> None:
    """The opening was edited after the snapshot, and says what it said before."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await says(mia, "before")
    snapshot = await mia.posts(f"{SESSIONS}/{session}/snapshots", 201)
    await rewords(mia, session, 1, "after")
    assert await title_of(mia, session) == "after"
    await mia.posts(f"{SESSIONS}/{session}/snapshots/{snapshot['number']}/restore", 200, rewind=True)
    assert await title_of(mia, session) == "before"


async def test_the_users_own_title_stays(world: World) -> None:
    """M-5: whatever happens to what was said."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await says(mia, "hello")
    await change(mia, session, title="Mine")
    await rewords(mia, session, 1, "bye", again=True)
    await deletes(mia, session, 1)
    assert await title_of(mia, session) == "Mine"
