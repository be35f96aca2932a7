"""What the demo agent takes for an instruction, and what not."""

from __future__ import annotations

import time

import pytest

from gateway.agents.demo.wishes import ALWAYS, LONG_WORDS, SLOW_S, Wish, read_wish

ORDINARY = Wish()


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("hello", Wish(topic="greeting")),
        ("help", Wish(topic="help")),
        ("What can you do?", Wish(topic="help")),
        ("wait 3 seconds", Wish(wait_s=3)),
        ("Could you please wait for 1.5 s before answering?", Wish(wait_s=1.5)),
        ("wait two minutes, then answer", Wish(wait_s=120)),
        ("be slow", Wish(spread_s=SLOW_S)),
        ("slow", Wish(spread_s=SLOW_S)),
        ("Please answer slowly.", Wish(spread_s=SLOW_S)),
        ("count to 20 slowly", Wish(topic="count", amount=20, spread_s=SLOW_S)),
        ("fail", Wish(failures=ALWAYS)),
        ("Please fail!", Wish(failures=ALWAYS)),
        ("fail twice", Wish(failures=2)),
        ("fail 3 times", Wish(failures=3)),
        ("fail for good", Wish(failures=ALWAYS, for_good=True)),
        ("fail halfway once", Wish(failures=1, halfway=True)),
        ("long answer", Wish(topic="long", amount=LONG_WORDS)),
        ("Please reply with a long text.", Wish(topic="long", amount=LONG_WORDS)),
        ("answer in 5000 characters", Wish(topic="long", amount=5000, unit="characters")),
        ("write a 5,000 word answer", Wish(topic="long", amount=5000)),
        ("answer slowly, in 10k characters", Wish(topic="long", amount=10_000, unit="characters", spread_s=SLOW_S)),
        ("use markdown", Wish(topic="markdown")),
        ("Please answer in Markdown", Wish(topic="markdown")),
        ("use a tool", Wish(tool=True)),
        ("wait 2 seconds and fail once and use markdown", Wish(topic="markdown", wait_s=2, failures=1)),
        ("what was my last question?", Wish(topic="quote")),
        ("hello, what was my last question?", Wish(topic="quote")),
        ("What did I say before?", Wish(topic="quote")),
        ("can you repeat my previous message", Wish(topic="quote")),
        ("Do you remember what I just said?", Wish(topic="quote")),
    ],
)
def test_does_as_told(text: str, wish: Wish) -> None:
    """A clause that is an instruction is followed."""
    assert read_wish(text) == wish


@pytest.mark.parametrize(
    "text",
    [
        "My test failed slowly yesterday",
        "I fail to see why",
        "If the build should fail, tell the team",
        "Why is the site so slow?",
        "The slow train was late",
        "I had to wait 3 seconds for the page",
        "Users wait 10 minutes on average",
        "Wait a minute, I have an idea",
        "Take two minutes to read this",
        "Please help me with this",
        "My last question was a bad one",
        "That is a long answer to a short question",
        "The essay has 5000 characters",
        "We use markdown files a lot, which tool renders them?",
        "A hammer is a tool",
        "I can count to 20",
        "Say hello to my aunt",
        "I need help with my tax return",
    ],
)
def test_ordinary_talk_is_no_instruction(text: str) -> None:
    """A word in passing changes nothing."""
    assert read_wish(text) == ORDINARY


@pytest.mark.parametrize("word", ["what ", "please ", "a,", "fail ", "tell my ", "wait 3 s "])
def test_reads_long_messages_quickly(word: str) -> None:
    """However long a message is and whatever it repeats, reading it holds nobody up."""
    begun = time.thread_time()
    read_wish(word * 100_000)
    assert time.thread_time() - begun < 0.5
