"""Rewinding a conversation: later messages are hidden, kept, and restored on undo."""

from __future__ import annotations

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED, own_gateway
from tests.integration.sessions.saved_state import NEVER, new_session, restores, saved, says, writes
from tests.world import Person, World, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway that takes no automatic snapshots."""
    return await shared_world.gateway(snapshots=NEVER, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


async def seen(person: Person, path: str) -> list[int]:
    """The `seq` of each visible message."""
    page = await person.gets(f"{path}/messages?limit=200")
    assert [message["seq"] for message in page["messages"]] == list(range(1, len(page["messages"]) + 1))
    return [message["seq"] for message in page["messages"] if not message["deleted"]]


async def test_a_rewind_restores_an_answer_that_was_regenerated_since(mia: Person) -> None:
    """P-2: the transcript is that of the snapshot, even after a regeneration; undo restores the new answer."""
    path = await new_session(mia)
    await says(mia, path, "one")
    await saved(mia, path)
    await mia.posts(f"{path}/regenerate", 200)
    assert await seen(mia, path) == [1, 3]
    undo = (await restores(mia, path, 1))["undo"]
    assert await seen(mia, path) == [1, 2]
    assert "one" in await says(mia, path, "What was my last question?")
    await restores(mia, path, undo)
    assert await seen(mia, path) == [1, 3]


async def test_a_rewind_restores_transcript_and_state(mia: Person) -> None:
    """P-2: later messages keep their `seq` as tombstones, and the agent does not see them."""
    path = await new_session(mia)
    await says(mia, path, "one")
    await writes(mia, path, '"0"', blackboard={"n": 1})
    await saved(mia, path)
    await says(mia, path, "two")
    await writes(mia, path, '"1"', blackboard={"n": 2})
    assert (await restores(mia, path, 1))["blackboard"] == {"n": 1}
    assert await seen(mia, path) == [1, 2]
    assert (await mia.gets(path))["message_count"] == 2
    assert "“one”" in await says(mia, path, "what was my last question?")
    assert await seen(mia, path) == [1, 2, 5, 6]


@pytest.mark.parametrize("flag", [True, False])
async def test_undoing_a_rewind_brings_the_messages_back(mia: Person, flag: bool) -> None:
    """P-2: with or without the flag, and the agent sees them again."""
    path = await new_session(mia)
    await saved(mia, path)
    await says(mia, path, "one")
    before = (await mia.gets(f"{path}/messages"))["messages"]
    undo = (await restores(mia, path, 1))["undo"]
    assert await seen(mia, path) == []
    assert (await mia.gets(f"{path}/snapshots/{undo}"))["rewound"] is True
    await restores(mia, path, undo, rewind=flag)
    assert (await mia.gets(f"{path}/messages"))["messages"] == before
    assert (await mia.gets(path))["message_count"] == 2
    assert "“one”" in await says(mia, path, "what was my last question?")


async def test_undoing_a_rewind_hides_messages_sent_since(mia: Person) -> None:
    """The messages are those of the snapshot; undoing the undo shows the others again."""
    path = await new_session(mia)
    await says(mia, path, "one")
    await saved(mia, path)
    await says(mia, path, "two")
    first = (await restores(mia, path, 1))["undo"]
    await says(mia, path, "another way")
    second = (await restores(mia, path, first))["undo"]
    assert await seen(mia, path) == [1, 2, 3, 4]
    await restores(mia, path, second)
    assert await seen(mia, path) == [1, 2, 5, 6]


async def test_a_plain_restore_leaves_the_transcript_unchanged(mia: Person) -> None:
    """Without the flag only the state is restored."""
    path = await new_session(mia)
    await saved(mia, path)
    await says(mia, path, "one")
    await restores(mia, path, 1, rewind=False)
    assert await seen(mia, path) == [1, 2]


async def test_what_a_user_deleted_stays_deleted(mia: Person) -> None:
    """A rewind and its undo restore only the messages that they hid."""
    path = await new_session(mia)
    await saved(mia, path)
    await says(mia, path, "one")
    await says(mia, path, "two")
    page = await mia.gets(f"{path}/messages")
    await mia.calls("DELETE", f"{path}/messages/{page['messages'][2]['id']}")
    undo = (await restores(mia, path, 1))["undo"]
    await restores(mia, path, undo)
    assert await seen(mia, path) == [1, 2, 4]
    assert (await mia.gets(path))["message_count"] == 3


async def test_a_running_turn_blocks_a_rewind(mia: Person) -> None:
    """409 while a turn runs; the state alone can be restored at any time."""
    path = await new_session(mia)
    await saved(mia, path)
    turn = await begun(mia, path)
    problem = await mia.posts(f"{path}/snapshots/1/restore", 409, rewind=True)
    assert "Stop it" in problem["detail"]
    await restores(mia, path, 1, rewind=False)
    await mia.posts(f"/api/turns/{turn}/cancel", 202)

    async def ended() -> bool:
        return (await mia.calls("POST", f"{path}/snapshots/1/restore", json={"rewind": True}))[0] == 200

    await eventually(ended)
    assert await seen(mia, path) == []


async def begun(person: Person, path: str) -> str:
    """The turn of a message with a slow answer."""
    status, sent = await person.calls(
        "POST", f"{path}/messages", json={"text": "wait 60 seconds"}, headers={"Prefer": "wait=0"}
    )
    assert status == 202
    turn: str = sent["turn_id"]
    return turn


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on another replica"])
async def test_followers_hear_of_hidden_and_restored_messages(
    shared_world: World, gateway: Running, mia: Person, elsewhere: bool
) -> None:
    """AC-6: `message_changed` for each row, and the session with its new count."""
    path = await new_session(mia)
    await saved(mia, path)
    await says(mia, path, "one")
    url = gateway.url
    if elsewhere:
        url = (await shared_world.gateway(snapshots=NEVER, data_dir="second", replica=UNHURRIED)).url
    watcher = await (await shared_world.person(mia.user, url)).connects(session_id=path.rpartition("/")[2])
    undo = (await restores(mia, path, 1))["undo"]
    for seq in (1, 2):
        frame = await watcher.hears("message_changed")
        assert (frame["message"]["seq"], frame["message"]["deleted"], frame["message"]["content"]) == (seq, True, "")
    await restores(mia, path, undo)
    returned = [(await watcher.hears("message_changed"))["message"] for _ in range(2)]
    assert [(message["seq"], message["deleted"]) for message in returned] == [(1, False), (2, False)]
    assert returned[0]["content"] == "one"


@own_gateway
async def test_withdrawn_turns_do_not_count_towards_the_history(world: World) -> None:
    """They do not use up the number of turns that an agent gets."""
    mia = await world.newcomer((await world.gateway(snapshots=NEVER)).url)
    path = await new_session(mia)
    await says(mia, path, "early")
    await saved(mia, path)
    for n in range(3):
        await says(mia, path, f"later {n}")
    undo = (await restores(mia, path, 1))["undo"]
    turns = await world.rows("SELECT withdrawn FROM turns ORDER BY seq")
    assert [turn["withdrawn"] for turn in turns] == [False, True, True, True]
    await restores(mia, path, undo)
    turns = await world.rows("SELECT withdrawn FROM turns ORDER BY seq")
    assert [turn["withdrawn"] for turn in turns] == [False] * 4
