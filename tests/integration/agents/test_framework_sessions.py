"""Conversations of an agent's own framework: none contains more than the transcript, and each is forgotten in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.app.running.serve import Running
from gateway.core.intake.editing import Editing
from gateway.core.model import SessionId, UserId
from tests.integration.sessions.conversations import SESSIONS, asks, talk
from tests.integration.sessions.saved_state import NEVER, restores, saved
from tests.world import Person, World, eventually

HERE = "tests.integration.agents.remembering"


async def gateway_with(world: World, target: str = "Remembering") -> tuple[Running, Person]:
    """A gateway whose agent is one of those in `remembering`, and a user."""
    gateway = await world.gateway(
        agents={"assistant": {"kind": "python", "target": f"{HERE}:{target}"}}, snapshots=NEVER
    )
    return gateway, await world.person("mia", gateway.url)


def agent_of(gateway: Running) -> Any:
    """The agent itself."""
    return gateway.gateway.engine.agents["assistant"].target.__self__  # type: ignore[index,attr-defined] # the test's own agent


async def deletes(mia: Person, session: str, seq: int) -> None:
    """Deletes a message."""
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}/messages/{session}.{seq}"))[0] == 204


async def rewords(mia: Person, session: str, seq: int, *, again: bool) -> None:
    """Replaces a message's text."""
    change = {"text": "clean", "answer_again": again}
    assert (await mia.calls("PATCH", f"{SESSIONS}/{session}/messages/{session}.{seq}", json=change))[0] == 200


@pytest.mark.parametrize("deed", ["deleted", "edited", "answered anew"])
async def test_undoing_a_rewind_brings_no_conversation_back_that_knows_more(world: World, deed: str) -> None:
    """P-2, M-7: the agent's earlier conversation does not know what was changed since the rewind."""
    _, mia = await gateway_with(world)
    session = await talk(mia, "my secret")
    path = f"{SESSIONS}/{session}"
    await saved(mia, path)
    assert await asks(mia, session, "second") == "own-1: my secret, second"
    undo = (await restores(mia, path, 1))["undo"]
    await (deletes(mia, session, 1) if deed == "deleted" else rewords(mia, session, 1, again=deed != "edited"))
    await restores(mia, path, undo)
    answer = await asks(mia, session, "what do you know")
    assert not answer.startswith("own-1")
    assert deed != "deleted" or "secret" not in answer


async def test_an_undone_rewind_brings_the_conversation_back_once(world: World) -> None:
    """P-2: it continues, so restoring the same snapshot again would bring back later messages."""
    _, mia = await gateway_with(world)
    session = await talk(mia, "one")
    path = f"{SESSIONS}/{session}"
    await saved(mia, path)
    await asks(mia, session, "two")
    undo = (await restores(mia, path, 1))["undo"]
    await restores(mia, path, undo)
    assert await asks(mia, session, "three") == "own-1: one, two, three"
    later = (await restores(mia, path, undo))["undo"]
    assert await asks(mia, session, "four") == "own-2: one, two, four"
    await restores(mia, path, later)
    assert await asks(mia, session, "five") == "own-1: one, two, three, five"


async def test_a_rewind_that_changes_nothing_keeps_no_conversation_to_come_back(world: World) -> None:
    """It continues, and contains more by the time the rewind is undone."""
    _, mia = await gateway_with(world)
    session = await talk(mia, "one")
    path = f"{SESSIONS}/{session}"
    await saved(mia, path)
    undo = (await restores(mia, path, 1))["undo"]
    assert await asks(mia, session, "my secret") == "own-1: one, my secret"
    await restores(mia, path, undo)
    assert await asks(mia, session, "two") == "own-2: one, two"


@pytest.mark.parametrize("named_before", [True, False])
async def test_a_framework_session_that_knows_a_deleted_message_ends_with_its_turn(
    world: World, named_before: bool
) -> None:
    """M-7: neither a waiting turn nor a later one continues in it."""
    gateway, mia = await gateway_with(world)
    session = await talk(mia, "my secret", "second")
    if not named_before:
        await deletes(mia, session, 3)
    for text in ("slowly", "waiting"):
        await mia.calls("POST", f"{SESSIONS}/{session}/messages", json={"text": text}, headers={"Prefer": "wait=0"})
    known = agent_of(gateway).known

    async def begun() -> bool:
        return any("slowly" in told for told in known.values())

    await eventually(begun)
    await deletes(mia, session, 1)
    agent_of(gateway).go_on.set()
    answer = await asks(mia, session, "later")
    assert "waiting, later" in answer
    assert "secret" not in answer
    assert [told for told in known.values() if {"my secret", "waiting"} <= set(told)] == []


@pytest.mark.parametrize("path", [f"{SESSIONS}/{{}}", "/api/me?confirm=mia"], ids=["session", "user"])
async def test_every_conversation_of_a_session_is_forgotten_with_it(world: World, path: str) -> None:
    """S-2: including earlier ones; a failure for one does not prevent the others."""
    gateway, mia = await gateway_with(world)
    session = await talk(mia, "one", "two")
    await deletes(mia, session, 1)
    assert (await asks(mia, session, "three")).startswith("own-2")
    await mia.posts(f"{SESSIONS}/{session}/regenerate", 200)
    await saved(mia, f"{SESSIONS}/{session}")
    assert (await asks(mia, session, "four")).startswith("own-3")
    undo = (await restores(mia, f"{SESSIONS}/{session}", 1))["undo"]
    assert (await asks(mia, session, "five")).startswith("own-4")
    await restores(mia, f"{SESSIONS}/{session}", undo)
    async with mia.http.get(f"{mia.url}/api/me/export", headers={"Authorization": f"Bearer {mia.token}"}) as exported:
        told = await exported.text()
    assert [name for name in agent_of(gateway).known if f'"{name}"' in told] == []
    assert agent_of(gateway).forgotten == []
    assert (await mia.calls("DELETE", path.format(session)))[0] == 204
    assert sorted(agent_of(gateway).forgotten) == ["own-1", "own-2", "own-3", "own-4"]


async def test_an_agent_that_hangs_is_not_waited_for_long(world: World) -> None:
    """S-2: however many conversations it has to forget."""
    gateway, mia = await gateway_with(world, "Hanging")
    session = await talk(mia, "one")
    for _ in range(3):
        await mia.posts(f"{SESSIONS}/{session}/regenerate", 200)
    editing = Editing(replace(gateway.gateway.engine.editing._parts, agent_s=0.2, forgetting_s=0.3))
    await editing.delete_session(SessionId(session), UserId(mia.user))
    assert len(agent_of(gateway).forgotten) == 2
