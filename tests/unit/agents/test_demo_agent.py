"""The demo agent, as a conversation hears it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agents.demo.agent import DemoAgent
from gateway.agents.demo.answers import MOST_PIECES, pieces
from gateway.core.events import AgentEvent, TextDelta, ToolCall, ToolResult
from gateway.errors import AgentError
from tests.unit.agents.turns import events_of, hear, text_of, turn

AGENT = DemoAgent()


async def test_answers_in_pieces() -> None:
    """The shortest message gets an answer of several deltas."""
    deltas = [event.text for event in await events_of(AGENT.run(turn("hello"))) if isinstance(event, TextDelta)]
    assert len(deltas) >= 2
    assert all(deltas)


async def test_quotes_the_previous_message_verbatim() -> None:
    """Asked for the last question, it quotes it word for word, line breaks and all."""
    question = "Why is *this*\n\n  so  “odd” — and <b>slow</b>? 🦆"
    assert question in await text_of(AGENT.run(turn(question, "No idea.", "What was my last question?")))


async def test_quotes_nothing_at_the_start() -> None:
    """Without anything before, it says so."""
    assert "not said anything" in await text_of(AGENT.run(turn("What was my last question?")))


async def test_collected_messages_count_as_said_before() -> None:
    """Of several messages answered together, the last but one is the previous one."""
    assert "my aunt" in await text_of(AGENT.run(turn("x", "y", "my aunt", "what did I say?", collected=2)))


async def test_says_where_the_conversation_is() -> None:
    """An echo tells which of the person's messages it answers."""
    answer = await text_of(AGENT.run(turn("a", "b", "the third thing")))
    assert "the third thing" in answer
    assert "message 2 of" in answer


async def test_counts_the_messages_of_the_person() -> None:
    """Not the answers between them; also where the history does not reach back to the beginning."""
    assert "message 1 of" in await text_of(DemoAgent().run(turn("one")))
    assert "message 3 of" in await text_of(DemoAgent().run(turn("one", "a", "two", "b", "three")))
    long = turn(*"abcdefghijk")
    assert "message 6 of" in await text_of(DemoAgent().run(replace(long, history=long.history[4:])))


async def test_is_the_same_each_time() -> None:
    """A repeated turn gets the same answer."""
    assert await text_of(AGENT.run(turn("tell me more"))) == await text_of(AGENT.run(turn("tell me more")))


async def test_fails_as_often_as_told() -> None:
    """`fail twice` fails on the first two attempts and answers on the third."""
    for attempt in (1, 2):
        with pytest.raises(AgentError):
            await text_of(AGENT.run(turn("fail twice", attempt=attempt)))
    assert "attempt 3" in await text_of(AGENT.run(turn("fail twice", attempt=3)))


async def test_fails_for_good() -> None:
    """Told so, it fails in a way that another attempt cannot mend."""
    with pytest.raises(AgentError) as caught:
        await text_of(AGENT.run(turn("fail for good")))
    assert not caught.value.retryable


async def test_fails_halfway() -> None:
    """Some of the answer has been said before it fails."""
    heard: list[AgentEvent] = []
    with pytest.raises(AgentError):
        await hear(AGENT.run(turn("fail halfway")), heard)
    assert heard


async def test_uses_a_tool() -> None:
    """A tool call, its result and a text."""
    call, result, *said = await events_of(AGENT.run(turn("use a tool")))
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert result.call_id == call.call_id
    assert said


@pytest.mark.parametrize("amount", [1, 100, 5000, 100_000])
async def test_answers_in_that_many_characters(amount: int) -> None:
    """Exactly as long as told."""
    assert len(await text_of(AGENT.run(turn(f"answer in {amount} characters")))) == amount


async def test_answers_in_that_many_words() -> None:
    """Exactly as many words as told."""
    assert len((await text_of(AGENT.run(turn("answer in 300 words")))).split()) == 300


async def test_counts() -> None:
    """From one, as far as told."""
    assert (await text_of(AGENT.run(turn("count to 5")))) == "1, 2, 3, 4, 5."


async def test_shows_markdown() -> None:
    """Heading, list, table, code and link are there to be looked at."""
    answer = await text_of(AGENT.run(turn("use markdown")))
    assert all(sign in answer for sign in ("# ", "\n- ", "|---|", "```python", "](https://"))


async def test_waits_when_told() -> None:
    """The first piece comes after the wait."""
    begun = time.monotonic()
    await text_of(AGENT.run(turn("wait 200 ms")))
    assert time.monotonic() - begun >= 0.2


async def test_can_be_stopped_while_it_waits() -> None:
    """A waiting agent ends as soon as its turn does."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await text_of(AGENT.run(turn("wait 5 minutes")))


@given(st.text(min_size=2, max_size=4000))
def test_pieces_lose_nothing(text: str) -> None:
    """The pieces are the text, none is empty, and there are never very many."""
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert all(cut)
    assert len(cut) <= 2 * MOST_PIECES
