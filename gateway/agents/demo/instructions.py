"""Reads instructions to the demo agent from a message; pure.

Only a whole clause counts as an instruction ("wait 3 seconds", "please fail twice"). A clause that
merely contains such a word ("my test failed slowly") is ordinary text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from gateway.agents.demo.phrases import (
    ASK,
    CHOICES,
    COUNT,
    FAIL,
    GREETING,
    HELP,
    LONG,
    LONG_PLAIN,
    MARKDOWN,
    NOTE,
    NOTES,
    QUOTE,
    SLOW,
    TOOL,
    WAIT,
    clauses_of,
    number_of,
    seconds_of,
)

Topic = Literal["echo", "help", "greeting", "quote", "markdown", "long", "count", "note", "notes"]
Unit = Literal["characters", "words"]

PLAIN_TOPICS: tuple[tuple[Topic, re.Pattern[str]], ...] = (("markdown", MARKDOWN), ("notes", NOTES), ("help", HELP))

SLOW_S = 5.0
LONGEST_WAIT_S = 3_600.0
LONG_WORDS = 1_000
MOST_READ = 2_000
"""Characters of a message that are searched for instructions."""
MOST_CHARACTERS = 2_000_000
MOST_WORDS = 200_000
MOST_COUNTED = 10_000
ALWAYS = 1_000_000
"""More attempts than any setting allows."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """How to answer. `failures`: attempts that fail; `halfway`: only after part of the answer. Seconds, counts."""

    topic: Topic = "echo"
    wait_s: float = 0
    spread_s: float = 0
    failures: int = 0
    for_good: bool = False
    halfway: bool = False
    tool: bool = False
    ask: bool = False
    choices: bool = False
    amount: int = 0
    unit: Unit = "words"
    note: str = ""


def read_instruction(text: str) -> Instruction:
    """Returns what a message asks for; an ordinary one asks for an echo."""
    text = text[:MOST_READ]
    if found := NOTE.fullmatch(text.strip()):
        return Instruction(topic="note", note=found["note"])
    instruction = Instruction()
    for clause in clauses_of(text):
        instruction = _with_pace(_with_topic(instruction, clause), clause)
    if instruction.topic in {"echo", "greeting"} and QUOTE.search(text):
        return replace(instruction, topic="quote")
    return instruction


def _with_pace(instruction: Instruction, clause: str) -> Instruction:
    if SLOW.fullmatch(clause):
        instruction = replace(instruction, spread_s=SLOW_S)
    if found := WAIT.fullmatch(clause):
        return replace(instruction, wait_s=min(seconds_of(found["n"], found["unit"]), LONGEST_WAIT_S))
    if found := FAIL.fullmatch(clause):
        return _failing(instruction, found)
    if ASK.fullmatch(clause):
        return replace(instruction, ask=True)
    if CHOICES.fullmatch(clause):
        return replace(instruction, choices=True)
    return replace(instruction, tool=True) if TOOL.fullmatch(clause) else instruction


def _with_topic(instruction: Instruction, clause: str) -> Instruction:
    if found := COUNT.fullmatch(clause):
        return replace(instruction, topic="count", amount=int(min(number_of(found["n"]), MOST_COUNTED)))
    if found := LONG.fullmatch(clause):
        return _long(
            instruction, number_of(found["n"]), "words" if found["unit"].lower().startswith("w") else "characters"
        )
    if LONG_PLAIN.fullmatch(clause):
        return _long(instruction, LONG_WORDS, "words")
    for topic, pattern in PLAIN_TOPICS:
        if pattern.fullmatch(clause):
            return replace(instruction, topic=topic)
    return (
        replace(instruction, topic="greeting")
        if instruction.topic == "echo" and GREETING.fullmatch(clause)
        else instruction
    )


def _failing(instruction: Instruction, found: re.Match[str]) -> Instruction:
    times = (found["n"] or "always").lower()
    always = times in {"always", "every time", "for good"}
    return replace(
        instruction,
        failures=ALWAYS if always else int(number_of(times)),
        for_good=times == "for good",
        halfway=found["where"] is not None,
    )


def _long(instruction: Instruction, amount: float, unit: Unit) -> Instruction:
    most = MOST_CHARACTERS if unit == "characters" else MOST_WORDS
    return replace(instruction, topic="long", amount=int(min(amount, most)), unit=unit)
