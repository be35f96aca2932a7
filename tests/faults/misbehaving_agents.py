"""Agents that misbehave. Each answers `re: …` to an ordinary message, and misbehaves when the text asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.core.model import Turn

ODD = "odd"
GO_ON = "FAULTS_GO_ON"
"""Names the file that `waiting` waits for."""
LARGE = 10_000_000  # characters


async def hanging(turn: Turn) -> AsyncIterator[str]:
    """Begins an answer and never continues."""
    yield "I was just going to say"
    if turn.text == ODD:
        await asyncio.Event().wait()


async def hanging_once(turn: Turn) -> AsyncIterator[str]:
    """Hangs in its first attempt only."""
    yield f"{turn.turn_id} "
    if turn.attempt == 1:
        await asyncio.Event().wait()
    yield f"at attempt {turn.attempt}"


async def stubborn(turn: Turn) -> str:
    """Cannot be cancelled for four seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + (4 if turn.text == ODD else 0)
    while loop.time() < end:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(end - loop.time())
    return f"re: {turn.text}"


async def blocking_for(turn: Turn) -> str:
    """Blocks the event loop for as many seconds as the text says; for `match`, blocks all other threads as well."""
    if turn.text == "match":
        re.match(r"(a+)+$", "a" * 60 + "b")
    if turn.text.replace(".", "").isdigit():
        time.sleep(float(turn.text))  # noqa: ASYNC251 - the mistake under test
    return f"re: {turn.text}"


async def blocking_until_file(turn: Turn) -> str:
    """Blocks the event loop from its first line until the file named in the message exists, for at most ten seconds."""
    until = time.monotonic() + 10
    while not Path(turn.text).exists():  # noqa: ASYNC240 - the mistake under test
        if time.monotonic() > until:
            return "nobody made it"
        time.sleep(0.01)  # noqa: ASYNC251
    return "it is there"


def stuck_thread(turn: Turn) -> str:
    """Blocks its thread."""
    if turn.text == ODD:
        time.sleep(3600)
    return f"re: {turn.text}"


async def raising(turn: Turn) -> AsyncIterator[str]:
    """Breaks off in the middle of its answer."""
    yield "so far "
    if turn.text == ODD:
        raise ZeroDivisionError("on purpose")
    yield "so good"


async def leaving(turn: Turn) -> AsyncIterator[str]:
    """Calls `sys.exit`."""
    if turn.text == ODD:
        sys.exit(3)
    yield f"re: {turn.text}"


async def leaving_late(turn: Turn) -> AsyncIterator[str]:
    """Calls `sys.exit` when it is cancelled."""
    try:
        yield f"re: {turn.text}"
        if turn.text == ODD:
            await asyncio.Event().wait()
    finally:
        if turn.text == ODD:
            sys.exit(3)


async def numbers(turn: Turn) -> AsyncIterator[object]:
    """Yields an integer."""
    yield 42 if turn.text == ODD else f"re: {turn.text}"


async def nothing(turn: Turn) -> str | None:
    """Answers None."""
    return None if turn.text == ODD else f"re: {turn.text}"


async def dictionaries(turn: Turn) -> object:
    """Returns a message in another framework's form."""
    return {"role": "assistant", "content": "hi"} if turn.text == ODD else f"re: {turn.text}"


async def unending(turn: Turn) -> AsyncIterator[str]:
    """A generator that continues after it was closed, which Python forbids."""
    try:
        yield f"re: {turn.text}"
        if turn.text == ODD:
            await asyncio.Event().wait()
    except GeneratorExit:
        yield "one more thing"
    except asyncio.CancelledError:
        yield "one more thing"


async def large(turn: Turn) -> str:
    """Ten million characters at once."""
    return "x" * LARGE if turn.text == ODD else f"re: {turn.text}"


async def large_in_pieces(turn: Turn) -> AsyncIterator[str]:
    """Ten million characters, a thousand at a time."""
    for _ in range(LARGE // 1000 if turn.text == ODD else 1):
        yield "y" * 1000
        await asyncio.sleep(0)


async def waiting(turn: Turn) -> str:
    """Answers once a file exists."""
    while turn.text == ODD and not Path(os.environ[GO_ON]).exists():  # noqa: ASYNC110, ASYNC240 - a file has no events
        await asyncio.sleep(0.01)
    return f"re: {turn.text}"


async def deadly(turn: Turn) -> str:
    """Kills its process."""
    if turn.text == ODD:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"re: {turn.text}"


async def blocking(turn: Turn) -> str:
    """Blocks the event loop for five seconds."""
    if turn.text == ODD:
        time.sleep(5)  # noqa: ASYNC251 - blocking the loop is the point
    return f"re: {turn.text}"


async def lengthy(turn: Turn) -> AsyncIterator[str]:
    """Yields its attempt and step, for three seconds in small steps."""
    for step in range(30):
        yield f"{turn.attempt}.{step} "
        await asyncio.sleep(0.1)


async def megabyte(turn: Turn) -> str:
    """A million characters, whatever it is asked."""
    return "z" * 1_000_000
