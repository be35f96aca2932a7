"""An agent asks, its turn waits, and the first answer continues it: on real sockets, HTTP and Postgres."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway.app.running.serve import Running
from tests.acceptance.pages import blocks
from tests.integration.agents.asking_agents import Asking
from tests.world import Frame, Socket, World

AGENT = {"kind": "python", "target": "tests.integration.agents.asking_agents:Asking"}
OF_TURN = "SELECT status, attempt, questions, usage, owner, reply_seq FROM turns ORDER BY seq"


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway whose agent asks."""
    Asking.calls.clear()
    return await world.gateway(agents={"assistant": AGENT}, replica={"sweep_s": 0.2})


async def asked(socket: Socket, text: str = "delete it", key: str = "k1") -> Frame:
    """The question's row, once its turn waits."""
    await socket.says(type="send", id=key, text=text)
    ack = await socket.hears("ack", id=key)
    row: Frame = (await socket.hears_reply(ack["turn_id"]))["message"]
    await socket.hears("turn", status="waiting", turn_id=ack["turn_id"])
    return row


def data_of(row: Frame) -> Any:
    """What the question's row says about it."""
    return row["parts"][-1]["data"]


async def answered(socket: Socket, row: Frame, choice: str) -> Frame:
    """The reply, after the question's row has changed."""
    changed = (await socket.hears("message_changed"))["message"]
    assert (changed["id"], data_of(changed)["state"], data_of(changed)["answer"]) == (row["id"], "answered", choice)
    reply: Frame = (await socket.hears_reply(row["turn_id"]))["message"]
    await socket.hears("turn", status="completed", turn_id=row["turn_id"])
    return reply


async def test_a_question_is_a_row_and_its_turn_waits(world: World, gateway: Running) -> None:
    """The row has text, numbered choices and a data part; nothing runs, and nobody owns the turn."""
    ann = await world.person("ann", gateway.url)
    row = await asked(await ann.connects())
    assert row["content"] == "Let me see.\n\nDelete file 1?\n\n1. Yes\n2. Later\n3. No"
    assert [part["type"] for part in row["parts"]] == ["text", "text", "data-approval"]
    data = data_of(row)
    assert (data["choices"], data["state"], data["tool"]) == (["Yes", "Later", "No"], "open", "delete")
    [turn] = await world.rows(OF_TURN)
    assert (turn["status"], turn["owner"], turn["reply_seq"]) == ("waiting", None, 2)
    assert gateway.gateway.engine.runner.running == ()
    [listed] = (await ann.gets("/api/approvals"))["approvals"]
    assert (listed["id"], listed["message_id"], listed["default"]) == (data["approvalId"], row["id"], "No")
    assert "resume" not in listed


async def test_a_press_continues_the_turn(world: World, gateway: Running) -> None:
    """`choose` records the answer; the agent gets it with its own data, and the usage of both parts adds up."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket)
    await socket.says(type="choose", approval_id=data_of(row)["approvalId"], choice="yes", text="but keep a copy")
    reply = await answered(socket, row, "Yes")
    assert reply["content"] == "Yes/but keep a copy/{'step': 1}"
    [turn] = await world.rows(OF_TURN)
    assert (turn["status"], turn["attempt"], turn["questions"]) == ("completed", 2, 1)
    usage = json.loads(turn["usage"])
    assert (usage["input_tokens"], usage["cost"]) == (20, 1.0)
    last = Asking.calls[-1]
    assert (last.counted_attempts, last.agent_session) == (1, "thread-7")
    assert (last.answers[0].call_id, last.answers[0].input, last.answers[0].answered_by) == (
        "c1",
        {"file": "a.txt"},
        "ann",
    )


@pytest.mark.parametrize(("said", "choice"), [("2", "Later"), (" NO\n", "No")])
async def test_a_text_that_names_a_choice_answers(world: World, gateway: Running, said: str, choice: str) -> None:
    """By number or in words; it is a row of its own, is not a message to the agent, and repeating it changes nothing."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket)
    await socket.says(type="send", id="k2", text=said)
    ack = await socket.hears("ack", id="k2")
    assert ack["turn_id"] == row["turn_id"]
    reply = await answered(socket, row, choice)
    assert reply["content"].startswith(f"{choice}/")
    await socket.says(type="send", id="k2", text=said)
    assert (await socket.hears("ack", id="k2"))["message_id"] == ack["message_id"]
    assert [message.content for message in Asking.calls[-1].messages] == ["delete it"]
    rows = await world.rows("SELECT kind, role FROM chat_messages ORDER BY seq")
    assert [row["kind"] for row in rows] == ["message", "message", "answer", "message"]


async def test_other_messages_wait_for_the_answer(world: World, gateway: Running) -> None:
    """A text that is no choice queues behind the turn, and is answered after it."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket)
    await socket.says(type="send", id="k2", text="12 is no choice")
    second = await socket.hears("ack", id="k2")
    await socket.hears("turn", status="queued", turn_id=second["turn_id"])
    await socket.says(type="choose", approval_id=data_of(row)["approvalId"], choice="3")
    await answered(socket, row, "No")
    await socket.hears("turn", status="waiting", turn_id=second["turn_id"])
    history = Asking.calls[-1].history
    assert [message.seq for message in history] == [1, 2, 4]


async def test_two_answers_at_once(world: World, gateway: Running) -> None:
    """Over HTTP one is recorded and one is a conflict; a later press is told which answer counts."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket)
    path = f"/api/approvals/{data_of(row)['approvalId']}"
    answers = await asyncio.gather(
        ann.calls("POST", path, json={"choice": "Yes"}), ann.calls("POST", path, json={"choice": "No"})
    )
    statuses = sorted(status for status, _ in answers)
    assert statuses == [200, 409]
    [counts] = [body["answer"] for status, body in answers if status == 200]
    assert (await answered(socket, row, counts))["content"].startswith(counts)
    await socket.says(type="choose", id="late", approval_id=data_of(row)["approvalId"], choice="Later")
    assert (await socket.hears("notice", id="late"))["text"] == f"This was already answered: {counts}."
    assert len(Asking.calls) == 2


async def test_somebody_elses_question_is_a_404(world: World, gateway: Running) -> None:
    """For others it does not exist; an operator sees and may answer it."""
    ann, bob = await world.person("ann", gateway.url), await world.person("bob", gateway.url)
    eve = await world.person("eve", gateway.url, role="operator")
    socket = await ann.connects()
    row = await asked(socket)
    path = f"/api/approvals/{data_of(row)['approvalId']}"
    assert (await bob.calls("POST", path, json={"choice": "Yes"}))[0] == 404
    assert (await bob.calls("POST", f"/api/approvals/{uuid4()}", json={"choice": "Yes"}))[0] == 404
    assert (await bob.gets("/api/approvals"))["approvals"] == []
    assert (await ann.calls("POST", path, json={"choice": "Maybe"}))[0] == 400
    assert len((await eve.gets("/api/approvals?user=ann"))["approvals"]) == 1
    assert (await eve.calls("POST", path, json={"choice": "1"}))[1]["answered_by"] == "eve"
    await answered(socket, row, "Yes")


async def test_only_operators_may_answer_where_the_settings_say_so(world: World) -> None:
    """The user is refused, and their words are ordinary messages."""
    gateway = await world.gateway(agents={"assistant": {**AGENT, "approvers": "operator"}})
    ann = await world.person("ann", gateway.url)
    eve = await world.person("eve", gateway.url, role="operator")
    socket = await ann.connects()
    row = await asked(socket)
    path = f"/api/approvals/{data_of(row)['approvalId']}"
    assert (await ann.calls("POST", path, json={"choice": "Yes"}))[0] == 403
    await socket.says(type="send", id="k2", text="Yes")
    assert (await socket.hears("ack", id="k2"))["turn_id"] != row["turn_id"]
    assert (await eve.calls("POST", path, json={"choice": "Yes"}))[0] == 200


@pytest.mark.parametrize(("text", "choice"), [("soon", "No"), ("soon, or later", "Later")])
async def test_an_overdue_question_gets_its_default(world: World, gateway: Running, text: str, choice: str) -> None:
    """Any replica's sweep records it once: the last choice, or the one that the agent named."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket, text)
    reply = await answered(socket, row, choice)
    assert reply["content"] == f"{choice}//{{'step': 1}}"
    assert Asking.calls[-1].answers[0].answered_by is None
    status, body = await ann.calls("POST", f"/api/approvals/{data_of(row)['approvalId']}", json={"choice": "Yes"})
    assert (status, body["detail"]) == (409, f"This was already answered: {choice}.")


async def test_an_agent_may_ask_again(world: World, gateway: Running) -> None:
    """Each question is a row; the last call gets all answers, and waiting spends no attempts."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    first = await asked(socket, "twice")
    await socket.says(type="send", id="k2", text="1")
    second = await socket.hears_reply(first["turn_id"])
    await socket.hears("turn", status="waiting", turn_id=first["turn_id"], attempt=2)
    await socket.says(type="send", id="k3", text="2")
    reply = await answered(socket, second["message"], "Later")
    assert reply["content"] == "Yes//{'step': 1}, Later//{'step': 2}"
    assert Asking.calls[-1].counted_attempts == 1


async def test_stop_cancels_a_waiting_turn(world: World, gateway: Running) -> None:
    """Its question closes, and a late answer is told so."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket)
    await socket.says(type="send", id="s", text="/status")
    assert "waits for the answer" in (await socket.hears("notice", id="s"))["text"]
    await socket.says(type="send", id="x", text="/stop")
    assert (await socket.hears("notice", id="x"))["text"] == "Stopped."
    await socket.hears("turn", status="cancelled", turn_id=row["turn_id"])
    await socket.says(type="choose", id="late", approval_id=data_of(row)["approvalId"], choice="Yes")
    assert "withdrawn" in (await socket.hears("notice", id="late"))["text"]
    [closed] = await world.rows("SELECT closed_at, answer FROM approvals")
    assert closed["closed_at"] is not None
    assert closed["answer"] is None
    messages = await ann.gets(f"/api/chat/sessions/{row['session_id']}/messages")
    assert data_of(messages["messages"][1])["state"] == "closed"
    assert (await ann.gets("/api/approvals"))["approvals"] == []


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_newer_messages_cancel_a_waiting_turn(world: World, strategy: str) -> None:
    """As the agent's strategy says; a rollback takes the question back, too."""
    Asking.calls.clear()
    gateway = await world.gateway(agents={"assistant": {**AGENT, "multitask_strategy": strategy}})
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    first = await asked(socket)
    await asked(socket, "never mind", "k2")
    rows = await world.rows(
        "SELECT seq, deleted_at IS NOT NULL AS gone FROM chat_messages WHERE turn_id = $1", first["turn_id"]
    )
    assert {row["gone"] for row in rows} == {strategy == "rollback"}
    [session] = (await ann.gets("/api/chat/sessions"))["sessions"]
    assert session["message_count"] == (2 if strategy == "rollback" else 5)
    assert len((await ann.gets("/api/approvals"))["approvals"]) == 1


async def test_answering_again_closes_the_question_it_hides(world: World, gateway: Running) -> None:
    """The turn that waited is withdrawn, and the new one asks anew."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket)
    path = f"/api/chat/sessions/{row['session_id']}/messages"
    [question, _] = (await ann.gets(path))["messages"]
    again = asyncio.ensure_future(
        ann.calls("PATCH", f"{path}/{question['id']}", json={"text": "delete the other", "answer_again": True})
    )
    await socket.hears("turn", status="waiting")
    status, sent = await again
    assert (status, sent["status"]) == (200, "waiting")
    assert (await ann.calls("POST", f"/api/approvals/{data_of(row)['approvalId']}", json={"choice": "Yes"}))[0] == 409
    [open_one] = (await ann.gets("/api/approvals"))["approvals"]
    assert open_one["turn_id"] == sent["turn_id"]


async def test_a_fork_copies_the_question_without_its_buttons(world: World, gateway: Running) -> None:
    """It can be answered only where it was asked."""
    ann = await world.person("ann", gateway.url)
    row = await asked(await ann.connects())
    fork = await ann.posts(f"/api/chat/sessions/{row['session_id']}/fork", 201)
    copied = (await ann.gets(f"/api/chat/sessions/{fork['session_id']}/messages"))["messages"][-1]
    assert (copied["content"], data_of(copied)["state"]) == (row["content"], "closed")


async def test_http_callers_get_the_question_as_the_answer(world: World, gateway: Running) -> None:
    """A waiting turn ends the response, as JSON and as a stream; the answer is sent like any message."""
    ann = await world.person("ann", gateway.url)
    session = await ann.posts("/api/chat/sessions", 201)
    path = f"/api/chat/sessions/{session['session_id']}/messages"
    sent = await ann.posts(path, 200, text="delete it")
    assert (sent["status"], sent["reply"]["parts"][-1]["type"]) == ("waiting", "data-approval")
    done = await ann.posts(path, 200, text="Yes")
    assert (done["status"], done["reply"]["content"]) == ("completed", "Yes//{'step': 1}")
    headers = {"Authorization": f"Bearer {ann.token}", "Accept": "text/event-stream"}
    async with ann.http.post(f"{ann.url}{path}", json={"text": "again"}, headers=headers) as response:
        stream = (await response.read()).decode()
    assert '"type":"data-approval"' in stream
    assert stream.rstrip().endswith("data: [DONE]")


async def test_the_demo_agent_asks_first(world: World) -> None:
    """`ask me first` shows a question, without any settings."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket, "ask me first")
    await socket.says(type="send", id="k2", text="Deny")
    assert (await answered(socket, row, "Deny"))["content"] == "Then I will not count the words."
    offered = await socket.asks("offer choices", "k3")
    assert offered["parts"][-1] == {"type": "data-choices", "data": {"choices": ["Count to 5", "Use markdown", "Help"]}}


async def test_the_documented_agent_deletes_what_it_may(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of docs/agents.md, as it stands there."""
    [example] = [block.text for block in blocks("python") if "ApprovalRequest" in block.text]
    (tmp_path / "documented_janitor.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    gateway = await world.gateway(agents={"assistant": {"kind": "python", "target": "documented_janitor:janitor"}})
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    row = await asked(socket, "tidy up")
    assert data_of(row)["expiresAt"] is not None
    await socket.says(type="send", id="k2", text="delete")
    assert (await answered(socket, row, "Delete"))["content"] == "I have deleted old.txt."


async def test_a_question_that_breaks_a_rule_fails_the_turn(world: World) -> None:
    """The operator reads which; nothing waits."""
    gateway = await world.gateway(
        agents={"assistant": {"kind": "python", "target": "tests.integration.agents.asking_agents:ask_badly"}}
    )
    ann = await world.person("ann", gateway.url)
    reply = await (await ann.connects()).asks("go", "k1")
    assert reply["kind"] == "apology"
    [turn] = await world.rows("SELECT error FROM turns")
    assert "ApprovalRequest.choices should be 1 to 10 texts" in turn["error"]
