"""The agent of the storm: it repeats each message in pieces, and records each call."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator

import orjson

from gateway.core.model import Turn
from tests.faults.ledger import Called

CALLS = "FAULTS_CALLS"
"""The variable that names the file with one line per call."""
LONG = "long"
LINES = 180
"""Lines of a long reply: some 10,000 characters, three messages in Telegram."""
SLOW_SHARE = 0.1


def reply_to(text: str) -> str:
    """The agent's answer. A text that begins with `long` gets a long one, in which no two lines are alike."""
    first = f"re: {text}"
    if not text.startswith(LONG):
        return first
    return "\n".join([first, *(f"line {number} of the answer to {text}" for number in range(1, LINES))])


async def answer(turn: Turn) -> AsyncIterator[str]:
    """The reply in three pieces, with pauses like a model's."""
    _note(turn)
    reply = reply_to(turn.text)
    third = len(reply) // 3 + 1
    pause_s = 1.0 if random.random() < SLOW_SHARE else 0.1
    for begin in range(0, len(reply), third):
        await asyncio.sleep(random.uniform(0.0, pause_s))
        yield reply[begin : begin + third]


def _note(turn: Turn) -> None:
    called = Called(time.time(), str(turn.turn_id), turn.attempt, turn.epoch, os.getpid())
    # One write in append mode: whole, also when the process is killed right after it.
    file = os.open(os.environ[CALLS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, orjson.dumps(called) + b"\n")
    finally:
        os.close(file)
