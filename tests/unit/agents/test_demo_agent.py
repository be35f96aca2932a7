"""The demo agent, as users see it."""

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
    """It quotes the last question word for word, including line breaks."""
    question = "Why is *this*\n\n  so  “odd” — and <b>slow</b>? 🦆"
    assert question in await text_of(AGENT.run(turn(question, "No idea.", "What was my last question?")))


async def test_quotes_nothing_at_the_start() -> None:
    """Without anything before, it says so."""
    assert "not said anything" in await text_of(AGENT.run(turn("What was my last question?")))


async def test_collected_messages_count_as_said_before() -> None:
    """Of several messages answered together, the last but one counts as the previous one."""
    assert "my aunt" in await text_of(AGENT.run(turn("x", "y", "my aunt", "what did I say?", collected=2)))


async def test_says_where_the_conversation_is() -> None:
    """An echo says which of the person's messages it answers."""
    answer = await text_of(AGENT.run(turn("a", "b", "the third thing")))
    assert "the third thing" in answer
    assert "message 2 of" in answer


async def test_counts_the_messages_of_the_person() -> None:
    """It does not count the answers between them, even if the history does not reach back to the beginning."""
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
    """If instructed, it fails with an error that another attempt cannot fix."""
    with pytest.raises(AgentError) as caught:
        await text_of(AGENT.run(turn("fail for good")))
    assert not caught.value.retryable


async def test_fails_halfway() -> None:
    """Part of the answer has been sent before it fails."""
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
    """The answer is exactly as long as requested."""
    assert len(await text_of(AGENT.run(turn(f"answer in {amount} characters")))) == amount


async def test_answers_in_that_many_words() -> None:
    """The answer has exactly as many words as requested."""
    assert len((await text_of(AGENT.run(turn("answer in 300 words")))).split()) == 300


async def test_counts() -> None:
    """From one to the requested number."""
    assert (await text_of(AGENT.run(turn("count to 5")))) == "1, 2, 3, 4, 5."


async def test_shows_markdown() -> None:
    """Heading, list, table, code and link are all there."""
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
    """The pieces add up to the text, none is empty, and their number is limited."""
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert all(cut)
    assert len(cut) <= 2 * MOST_PIECES
