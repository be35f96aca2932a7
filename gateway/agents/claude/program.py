"""Runs the SDK's program for one turn, in folders of its own."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, Message

from gateway.core.model import Turn

Answers: TypeAlias = "asyncio.Queue[Message | Exception | None]"
"""What the program says; then the error that ended it, or None."""
INTERRUPT_S = 0.5
"""Seconds that the program has to stop its call of the model."""


class Programs:
    """The programs of one agent. A run that is stopped ends at once; its program ends behind it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, options: ClaudeAgentOptions, prompt: str, turn: Turn) -> AsyncGenerator[Message, None]:
        """Raises the SDK's errors, and `TimeoutError` when the turn's time is up: the program would go on trying."""
        answers: Answers = asyncio.Queue()
        task = asyncio.create_task(_program(options, prompt, answers), name=f"claude {turn.turn_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async for message in _told(answers, turn):
                yield message
            await task
        finally:
            task.cancel()

    async def close(self) -> None:
        """Waits until all of them have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _told(answers: Answers, turn: Turn) -> AsyncGenerator[Message, None]:
    while True:
        async with asyncio.timeout(turn.remaining_s):
            answer = await answers.get()
        if answer is None:
            return
        if isinstance(answer, Exception):
            raise answer
        yield answer


async def _program(options: ClaudeAgentOptions, prompt: str, answers: Answers) -> None:
    with tempfile.TemporaryDirectory(prefix="turngate-claude-", ignore_cleanup_errors=True) as own:
        env = {"CLAUDE_CONFIG_DIR": str(Path(own, ".claude")), **options.env}
        client = ClaudeSDKClient(replace(options, cwd=options.cwd or own, env=env))
        try:
            await client.connect()
            await client.query(prompt)
            async for message in client.receive_response():
                answers.put_nowait(message)
        except asyncio.CancelledError:
            # Otherwise the program would go on until the model has answered.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(INTERRUPT_S):
                    await client.interrupt()
        except Exception as error:  # noqa: BLE001 - the run raises it
            answers.put_nowait(error)
        finally:
            await client.disconnect()
        answers.put_nowait(None)
