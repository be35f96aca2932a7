"""A second message during a turn, by its agent's strategy; the turn may run on another replica."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.fakes.bot_api import FakeBotApi
from tests.strategies import demo, statuses
from tests.telegram_settings import telegram
from tests.world import Person, Socket, World, eventually

pytestmark = pytest.mark.acceptance


@dataclass(frozen=True)
class Scene:
    """An agent has begun to answer `first`, and `second` is in the same session, perhaps on another replica."""

    ann: Person
    first: Socket
    second: Socket
    session_id: str


async def speaking(world: World, strategy: str, *, elsewhere: bool) -> Scene:
    """Ann's agent is in the middle of its answer."""
    here = await world.gateway(data_dir="one", agents=demo(strategy, delay_s=0.05))
    there = await world.gateway(data_dir="two", agents=demo(strategy, delay_s=0.05)) if elsewhere else here
    ann = await world.person("ann", here.url)
    first = await ann.connects()
    await first.says(type="send", id="m1", text="answer in 5000 characters")
    session_id = (await first.hears("ack", id="m1"))["session_id"]
    await first.hears("delta")
    ann.url = there.url
    return Scene(ann, first, await ann.connects(session_id=session_id), session_id)


BOTH_PLACES = pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on another replica"])


@BOTH_PLACES
async def test_interrupt_keeps_the_partial_answer(world: World, elsewhere: bool) -> None:
    """The running turn ends at once with its partial answer; the new message is answered."""
    scene = await speaking(world, "interrupt", elsewhere=elsewhere)
    answer = await scene.second.asks("what was my last question?", "m2")
    assert "answer in 5000 characters" in answer["content"]
    rows = await world.rows("SELECT role, length(content) AS long FROM chat_messages ORDER BY turn_seq, seq")
    assert [row["role"] for row in rows] == ["user", "assistant", "user", "assistant"]
    assert 0 < rows[1]["long"] < 5000
    assert await statuses(world) == ["cancelled", "completed"]


@BOTH_PLACES
async def test_rollback_takes_question_and_answer_back(world: World, elsewhere: bool) -> None:
    """Both remain as tombstones; neither the agent nor readers see their text."""
    scene = await speaking(world, "rollback", elsewhere=elsewhere)
    answer = await scene.second.asks("what was my last question?", "m2")
    assert "answer in 5000 characters" not in answer["content"]
    for listener in (scene.first, scene.second):
        heard = [frame for frame in listener.heard if frame["type"] == "message_changed"]
        changed = heard[0] if heard else await listener.hears("message_changed")
        assert (changed["message"]["seq"], changed["message"]["deleted"]) == (1, True)
    page = await scene.ann.gets(f"/api/chat/sessions/{scene.session_id}/messages")
    assert [(row["seq"], row["deleted"], bool(row["content"])) for row in page["messages"]] == [
        (1, True, False),
        (2, False, True),
        (3, True, False),
        (4, False, True),
    ]
    assert (await scene.ann.gets(f"/api/chat/sessions/{scene.session_id}"))["message_count"] == 2


async def test_a_returning_client_learns_what_was_taken_back(world: World) -> None:
    """A client that has the question learns on its return that it was taken back."""
    gateway = await world.gateway(agents=demo("rollback"))
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="wait 60 seconds")
    ack = await socket.hears("ack")
    await socket.socket.close()
    await ann.posts(f"/api/chat/sessions/{ack['session_id']}/messages", 200, id="m2", text="hello")
    again = await ann.connects(session_id=ack["session_id"], after=1)
    assert (await again.hears("message_changed"))["message"]["seq"] == 1
    assert (await again.hears("message"))["message"]["seq"] == 2


async def test_an_interrupted_telegram_chat_gets_no_empty_reply(world: World) -> None:
    """A turn without any output is recorded as stopped, and nothing is sent."""
    async with FakeBotApi(conflict_penalty_s=0.1) as bot:
        await world.gateway(telegram=telegram(bot), agents=demo("interrupt"))
        bot.says(7, "wait 60 seconds")

        async def runs() -> bool:
            return await statuses(world) == ["running"]

        await eventually(runs)
        bot.says(7, "hello")
        [answer] = await bot.hears(7)
        assert answer.text.startswith("Hello")
        assert await statuses(world) == ["cancelled", "completed"]
        assert [sent.text for sent in bot.sent(7)] == [answer.text]


async def test_too_many_waiting_messages_are_refused_with_a_reason(world: World) -> None:
    """Accepted messages are answered; refused ones were never acknowledged."""
    gateway = await world.gateway(turns={"max_waiting": 2})
    socket = await (await world.person("ann", gateway.url)).connects()
    for number in range(4):
        await socket.says(type="send", id=f"m{number}", text="wait 1 second")
    notice = await socket.hears("notice")
    assert notice["id"] == "m3"
    assert "Too many messages" in notice["text"]
    assert [frame["id"] for frame in socket.heard if frame["type"] == "ack"] == ["m0", "m1", "m2"]
