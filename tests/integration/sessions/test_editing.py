"""Messages edited, deleted and regenerated over HTTP, on real Postgres, with followers notified."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"


async def talk(mia: Person, *texts: str) -> str:
    """A session that holds these exchanges."""
    session: str = (await mia.posts(SESSIONS, 201))["session_id"]
    for text in texts:
        await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return session


async def messages(mia: Person, session: str) -> list[dict[str, Any]]:
    """The latest page of a session's messages."""
    found: list[dict[str, Any]] = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"]
    return found


async def test_an_edited_message_keeps_its_place_and_its_original(world: World) -> None:
    """M-7: the text changes, the row stays; an operator sees the original text, the user does not."""
    url = (await world.gateway()).url
    mia, olga = await world.person("mia", url), await world.person("olga", url, "operator")
    session = await talk(mia, "Helo")
    path = f"{SESSIONS}/{session}/messages/{session}.1"
    status, edited = await mia.calls("PATCH", path, json={"text": "Hello"})
    assert (status, edited["id"], edited["content"], edited["deleted"]) == (200, f"{session}.1", "Hello", False)
    assert edited["edited_at"] is not None
    assert edited["parts"] == [{"type": "text", "text": "Hello"}]
    assert next(row["content"] for row in await messages(mia, session)) == "Hello"
    [version] = (await olga.gets(f"{path}/versions"))["versions"]
    assert (version["content"], version["change"], version["changed_by"]) == ("Helo", "edit", "mia")
    assert (await mia.calls("GET", f"{path}/versions"))[0] == 403


async def test_a_deleted_message_leaves_a_tombstone(world: World) -> None:
    """M-7: no text, no parts, the same seq; the count goes down; deleting it again finds nothing."""
    url = (await world.gateway()).url
    mia, olga = await world.person("mia", url), await world.person("olga", url, "operator")
    session = await talk(mia, "A secret", "More")
    path = f"{SESSIONS}/{session}/messages/{session}.1"
    assert (await mia.calls("DELETE", path))[0] == 204
    rows = await messages(mia, session)
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert (rows[0]["content"], rows[0]["parts"], rows[0]["deleted"]) == ("", [], True)
    assert (await mia.gets(f"{SESSIONS}/{session}"))["message_count"] == 3
    assert [version["content"] for version in (await olga.gets(f"{path}/versions"))["versions"]] == ["A secret"]
    for method, body in (("DELETE", None), ("PATCH", {"text": "again"})):
        assert (await mia.calls(method, path, json=body))[0] == 404


async def test_agents_do_not_see_deleted_messages(world: World) -> None:
    """M-7: the demo agent would quote the deleted question."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia, "First thing", "Second thing")
    await mia.calls("DELETE", f"{SESSIONS}/{session}/messages/{session}.3")
    answer = await mia.posts(f"{SESSIONS}/{session}/messages", 200, text="What was my last question?")
    assert "First thing" in answer["reply"]["content"]


async def test_the_last_answer_is_regenerated(world: World) -> None:
    """The old answer is hidden, a new turn answers the same message with the history before it."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia, "Remember the fish", "What was my last question?")
    again = await mia.posts(f"{SESSIONS}/{session}/regenerate", 200)
    assert (again["status"], again["message"]["seq"], again["reply"]["seq"]) == ("completed", 3, 5)
    assert "Remember the fish" in again["reply"]["content"]
    assert [(row["seq"], row["deleted"]) for row in await messages(mia, session)] == [
        (1, False),
        (2, False),
        (3, False),
        (4, True),
        (5, False),
    ]
    assert (await mia.gets(f"{SESSIONS}/{session}"))["message_count"] == 4
    twice = await mia.posts(f"{SESSIONS}/{session}/regenerate", 200)
    assert (twice["reply"]["seq"], twice["turn_id"] == again["turn_id"]) == (6, False)


async def test_an_edited_question_is_answered_again(world: World) -> None:
    """M-7: later messages are hidden, and later turns see only visible ones."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia, "I like cats", "And birds", "And mice")
    path = f"{SESSIONS}/{session}/messages/{session}.3"
    status, again = await mia.calls("PATCH", path, json={"text": "What was my last question?", "answer_again": True})
    assert (status, again["message"]["id"], again["reply"]["seq"]) == (200, f"{session}.3", 7)
    assert "I like cats" in again["reply"]["content"]
    live = [row["content"] for row in await messages(mia, session) if not row["deleted"]]
    assert live[2] == "What was my last question?"
    assert len(live) == 4
    later = await mia.posts(f"{SESSIONS}/{session}/messages", 200, text="What was my last question?")
    assert "What was my last question?" in later["reply"]["content"]
    assert "mice" not in later["reply"]["content"]


async def test_many_hidden_turns_do_not_crowd_out_the_history(world: World) -> None:
    """The agent's last N turns count visible turns only."""
    mia = await world.person("mia", (await world.gateway(agents={"assistant": {"kind": "demo", "history": 2}})).url)
    session = await talk(mia, "The key is under the mat", *[f"noise {number}" for number in range(5)])
    path = f"{SESSIONS}/{session}/messages/{session}.3"
    status, again = await mia.calls("PATCH", path, json={"text": "What was my last question?", "answer_again": True})
    assert status == 200
    assert "under the mat" in again["reply"]["content"]


async def test_followers_hear_of_edits_and_deletions_on_any_replica(world: World) -> None:
    """`message_changed` announces both, on every replica, once each."""
    here, there = await world.gateway(data_dir="a"), await world.gateway(data_dir="b")
    mia, elsewhere = await world.person("mia", here.url), await world.person("mia", there.url)
    session = await talk(mia, "One", "Two")
    near, far = await mia.connects(session_id=session), await elsewhere.connects(session_id=session)
    await mia.calls("PATCH", f"{SESSIONS}/{session}/messages/{session}.1", json={"text": "Uno"})
    await mia.calls("DELETE", f"{SESSIONS}/{session}/messages/{session}.2")
    for socket in (near, far):
        edited = (await socket.hears("message_changed"))["message"]
        deleted = (await socket.hears("message_changed"))["message"]
        assert {(edited["seq"], edited["content"]), (deleted["seq"], deleted["content"])} == {(1, "Uno"), (2, "")}
        assert {edited["deleted"], deleted["deleted"]} == {True, False}
    await mia.calls("PATCH", f"{SESSIONS}/{session}/messages/{session}.1", json={"text": "Une"})
    for socket in (near, far):
        assert (await socket.hears("message_changed"))["message"]["content"] == "Une"


async def test_a_reconnecting_client_receives_edits(world: World) -> None:
    """`after` replays changed rows as well as new ones."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia, "One")
    await mia.calls("PATCH", f"{SESSIONS}/{session}/messages/{session}.1", json={"text": "Uno"})
    socket = await mia.connects(session_id=session, after=2)
    assert (await socket.hears("message_changed"))["message"]["content"] == "Uno"


async def test_sockets_see_a_regenerated_answer_being_written(world: World) -> None:
    """The turn, its deltas and its row arrive as for any message."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia, "Hello")
    socket = await mia.connects(session_id=session)
    again = await mia.posts(f"{SESSIONS}/{session}/regenerate", 200)
    hidden, asked = [(await socket.hears("message_changed"))["message"] for _ in range(2)]
    assert (hidden["seq"], hidden["deleted"], asked["seq"], asked["turn_id"]) == (2, True, 1, again["turn_id"])
    await socket.hears("turn", turn_id=again["turn_id"], status="running")
    await socket.hears("delta", turn_id=again["turn_id"])
    assert (await socket.hears_reply(again["turn_id"]))["message"]["seq"] == 3


async def test_an_open_turn_blocks_changes_to_its_messages(world: World) -> None:
    """Edit, delete and regenerate return 409 until it ends; other messages can be edited meanwhile."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia, "Hello")
    path = f"{SESSIONS}/{session}/messages"
    turn = (await mia.calls("POST", path, json={"text": "wait 20 seconds"}, headers={"Prefer": "wait=0"}))[1]["turn_id"]
    assert (await mia.calls("PATCH", f"{path}/{session}.3", json={"text": "x"}))[0] == 409
    assert (await mia.calls("DELETE", f"{path}/{session}.3"))[0] == 409
    assert (await mia.calls("POST", f"{SESSIONS}/{session}/regenerate"))[0] == 409
    assert (await mia.calls("PATCH", f"{path}/{session}.1", json={"text": "Hi"}))[0] == 200
    await mia.posts(f"/api/turns/{turn}/cancel", 202)


async def test_two_regenerations_at_once_make_one_turn(world: World) -> None:
    """The other request learns that an answer is being written."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia, "wait 1 seconds")
    calls = [mia.calls("POST", f"{SESSIONS}/{session}/regenerate", json={}) for _ in range(2)]
    assert sorted(status for status, _ in await asyncio.gather(*calls)) == [200, 409]
    assert len([row for row in await messages(mia, session) if not row["deleted"]]) == 2


@pytest.mark.parametrize("wanted", [{"message_id": "nonsense"}, {"message_id": "0.1"}])
async def test_regenerating_an_unknown_message_is_not_found(world: World, wanted: dict[str, str]) -> None:
    """A 404 with an explanation."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia)
    status, problem = await mia.calls("POST", f"{SESSIONS}/{session}/regenerate", json=wanted)
    assert (status, problem["detail"]) == (404, "There is no such message.")


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"text": ""}, 400), ({"text": "  "}, 400), ({"text": "x" * 101}, 413)]
)
async def test_an_invalid_text_changes_nothing(world: World, body: dict[str, str], status: int) -> None:
    """The rules are the same as for sending."""
    mia = await world.person("mia", (await world.gateway(turns={"max_text": 100})).url)
    session = await talk(mia, "Hello")
    path = f"{SESSIONS}/{session}/messages/{session}.1"
    for answer_again in (False, True):
        assert (await mia.calls("PATCH", path, json=body | {"answer_again": answer_again}))[0] == status
    assert (await messages(mia, session))[0]["content"] == "Hello"


async def test_a_waiting_request_ends_when_its_session_is_deleted(world: World) -> None:
    """A 404 at once, instead of silence until the timeout."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await talk(mia)
    waiting = asyncio.create_task(mia.calls("POST", f"{SESSIONS}/{session}/messages", json={"text": "wait 60 seconds"}))

    async def asked() -> bool:
        return len(await messages(mia, session)) == 1

    await eventually(asked)
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
    async with asyncio.timeout(20):
        assert (await waiting)[0] == 404
