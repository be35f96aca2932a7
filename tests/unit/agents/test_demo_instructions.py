"""What the demo agent treats as an instruction."""

from __future__ import annotations

import time

import pytest

from gateway.agents.demo.instructions import ALWAYS, LONG_WORDS, SLOW_S, Instruction, read_instruction

ORDINARY = Instruction()


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        ("hello", Instruction(topic="greeting")),
        ("help", Instruction(topic="help")),
        ("What can you do?", Instruction(topic="help")),
        ("wait 3 seconds", Instruction(wait_s=3)),
        ("Could you please wait for 1.5 s before answering?", Instruction(wait_s=1.5)),
        ("wait two minutes, then answer", Instruction(wait_s=120)),
        ("be slow", Instruction(spread_s=SLOW_S)),
        ("slow", Instruction(spread_s=SLOW_S)),
        ("Please answer slowly.", Instruction(spread_s=SLOW_S)),
        ("count to 20 slowly", Instruction(topic="count", amount=20, spread_s=SLOW_S)),
        ("fail", Instruction(failures=ALWAYS)),
        ("Please fail!", Instruction(failures=ALWAYS)),
        ("fail twice", Instruction(failures=2)),
        ("fail 3 times", Instruction(failures=3)),
        ("fail for good", Instruction(failures=ALWAYS, for_good=True)),
        ("fail halfway once", Instruction(failures=1, halfway=True)),
        ("long answer", Instruction(topic="long", amount=LONG_WORDS)),
        ("Please reply with a long text.", Instruction(topic="long", amount=LONG_WORDS)),
        ("answer in 5000 characters", Instruction(topic="long", amount=5000, unit="characters")),
        ("write a 5,000 word answer", Instruction(topic="long", amount=5000)),
        (
            "answer slowly, in 10k characters",
            Instruction(topic="long", amount=10_000, unit="characters", spread_s=SLOW_S),
        ),
        ("use markdown", Instruction(topic="markdown")),
        ("Please answer in Markdown", Instruction(topic="markdown")),
        ("use a tool", Instruction(tool=True)),
        ("wait 2 seconds and fail once and use markdown", Instruction(topic="markdown", wait_s=2, failures=1)),
        ("what was my last question?", Instruction(topic="quote")),
        ("hello, what was my last question?", Instruction(topic="quote")),
        ("What did I say before?", Instruction(topic="quote")),
        ("can you repeat my previous message", Instruction(topic="quote")),
        ("Do you remember what I just said?", Instruction(topic="quote")),
    ],
)
def test_an_instruction_in_a_clause_is_read(text: str, instruction: Instruction) -> None:
    """A clause that is an instruction is followed."""
    assert read_instruction(text) == instruction


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
def test_an_ordinary_message_is_not_an_instruction(text: str) -> None:
    """An instruction word in passing changes nothing."""
    assert read_instruction(text) == ORDINARY


@pytest.mark.parametrize("word", ["what ", "please ", "a,", "fail ", "tell my ", "wait 3 s "])
def test_reads_long_messages_quickly(word: str) -> None:
    """However long and repetitive a message is, parsing it does not block the loop."""
    begun = time.thread_time()
    read_instruction(word * 100_000)
    assert time.thread_time() - begun < 0.5
