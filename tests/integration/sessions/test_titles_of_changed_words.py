"""Titles that come from messages follow when those messages change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.core.model import AgentName
from tests.conftest import UNHURRIED
from tests.detours import Call, Detours
from tests.integration.sessions.conversations import SESSIONS
from tests.integration.sessions.titles import asked, becomes, change, gateway_with, says, title_of
from tests.world import Person, World, eventually


async def rewords(person: Person, session: str, seq: int, text: str, *, again: bool = False) -> None:
    """Changes a message's text."""
    change = {"text": text, "answer_again": again}
    status, body = await person.calls("PATCH", f"{SESSIONS}/{session}/messages/{session}.{seq}", json=change)
    assert status == 200, body


async def deletes(person: Person, session: str, *seqs: int) -> None:
    """Deletes messages."""
    for seq in seqs:
        assert (await person.calls("DELETE", f"{SESSIONS}/{session}/messages/{session}.{seq}"))[0] == 204


async def found(person: Person, word: str) -> list[Any]:
    """The sessions that a search finds."""
    sessions: list[Any] = (await person.gets(f"{SESSIONS}?q={word}"))["sessions"]
    return sessions


async def test_a_deleted_opening_is_removed_from_the_title(world: World) -> None:
    """M-7: search does not find it, and the user's next message becomes the title."""
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
    """From the text at once; an agent that gives titles is asked again."""
    plain = await world.person("mia", (await world.gateway(data_dir="a")).url)
    session = await says(plain, "hunter2zz")
    await rewords(plain, session, 1, "a greeting", again=again)
    assert await title_of(plain, session) == "a greeting"
    named = await world.person("ann", (await gateway_with(world, "Named")).url)
    session = await says(named, "hunter2zz")
    await becomes(named, session, "Talk of 2: hunter2zz")
    await rewords(named, session, 1, "hello", again=again)
    await becomes(named, session, "Talk of 2: hello")


async def test_a_rewind_restores_the_title(world: World) -> None:
    """The opening was edited after the snapshot, and gets its earlier text back."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await says(mia, "before")
    snapshot = await mia.posts(f"{SESSIONS}/{session}/snapshots", 201)
    await rewords(mia, session, 1, "after")
    assert await title_of(mia, session) == "after"
    await mia.posts(f"{SESSIONS}/{session}/snapshots/{snapshot['number']}/restore", 200, rewind=True)
    assert await title_of(mia, session) == "before"


async def test_the_users_own_title_stays(world: World) -> None:
    """M-5: whatever happens to the messages."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await says(mia, "hello")
    await change(mia, session, title="Mine")
    await rewords(mia, session, 1, "bye", again=True)
    await deletes(mia, session, 1)
    assert await title_of(mia, session) == "Mine"


async def pondering(world: World) -> tuple[Any, Person, str]:
    """An agent about to name a session from its messages; that session's user, and its id."""
    agents = {"assistant": {"kind": "python", "target": "tests.integration.sessions.odd_titling:Pondering"}}
    gateway = await world.gateway(agents=agents, replica=UNHURRIED)
    agent: Any = gateway.gateway.engine.agents[AgentName("assistant")]
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "hunter2zz")
    await asked(agent.target.__self__)
    return agent.target.__self__, mia, session


# An agent that is asked again sees the later messages.
NAMES = {"edited": {"clean", "clean and more"}, "deleted": {"more"}}


@pytest.mark.parametrize("deed", NAMES)
async def test_a_title_of_outdated_messages_is_dropped(world: World, deed: str) -> None:
    """M-7: a title generated from the earlier messages arrives late, and is dropped."""
    agent, mia, session = await pondering(world)
    if deed == "edited":
        await rewords(mia, session, 1, "clean")
    else:
        await deletes(mia, session, 1, 2)
    watcher = await mia.connects()
    await watcher.says(type="watch")
    await watcher.says(type="ping")
    await watcher.hears("pong")
    agent.go_on.set()
    await says(mia, "more", session)

    async def is_named() -> bool:
        return await title_of(mia, session) in NAMES[deed]

    await eventually(is_named)
    await change(mia, session, title="Over")
    await watcher.hears("session")
    while (frame := watcher.heard[-1]).get("session", {}).get("title") != "Over":
        assert "hunter2zz" not in str(frame)
        await watcher.hears("session")
    assert await found(mia, "hunter2zz") == []


async def test_a_requested_title_is_generated_again_when_messages_change(world: World) -> None:
    """M-7: the caller gets a title of the remaining messages."""
    agent, mia, session = await pondering(world)
    agent.go_on.set()
    await becomes(mia, session, "hunter2zz")
    await says(mia, "more", session)
    agent.asked = 0
    agent.go_on.clear()
    wanted = asyncio.create_task(mia.posts(f"{SESSIONS}/{session}/title", 200))
    await asked(agent)
    await deletes(mia, session, 1)
    await becomes(mia, session, "more")
    agent.go_on.set()
    assert (await wanted)["title"] == "more"
    assert await title_of(mia, session) == "more"


async def test_a_title_set_to_null_does_not_use_messages_deleted_meanwhile(world: World, detours: Detours) -> None:
    """M-5, M-7: deleted after they were read and before the title was written."""
    mia = await world.person("mia", (await world.gateway(detours.seams)).url)
    session = await says(mia, "hunter2zz")
    await says(mia, "more", session)
    await change(mia, session, title="Mine")

    async def read_and_gone(read: Call, *asked: Any) -> Any:
        detours.end("session_changes", "titled")
        titled = await read(*asked)
        await deletes(mia, session, 1)
        return titled

    detours.divert("session_changes", "titled", read_and_gone)
    assert (await change(mia, session, title=None))[0] == 200
    await becomes(mia, session, "more")


@pytest.mark.parametrize("deed", ["deleted", "rewound"])
async def test_a_conversation_that_starts_over_gets_a_title(world: World, deed: str) -> None:
    """M-5, M-7: all earlier messages are gone; the next one gives the title."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    await mia.posts(f"{SESSIONS}/{session}/snapshots", 201)
    await says(mia, "hunter2zz", session)
    if deed == "deleted":
        await deletes(mia, session, 1, 2)
    else:
        await mia.posts(f"{SESSIONS}/{session}/snapshots/1/restore", 200, rewind=True)
    assert await title_of(mia, session) is None
    await says(mia, "a new beginning", session)
    await becomes(mia, session, "a new beginning")
    await says(mia, "and so on", session)
    assert await title_of(mia, session) == "a new beginning"
