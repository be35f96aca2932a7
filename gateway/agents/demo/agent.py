"""The demo agent: waits, fails and answers as instructed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.agents.demo.answers import answer, noted, pieces
from gateway.agents.demo.instructions import Instruction, read_instruction
from gateway.core.events import AgentEvent, ApprovalRequest, Choices, TextDelta, ToolCall, ToolResult
from gateway.core.model import Turn
from gateway.errors import AgentError

TOOL = "count_words"
ALLOW = "Allow"


@dataclass(frozen=True, slots=True)
class DemoAgent:
    """Deterministic, without a network. `delay_s`: seconds between the pieces of every answer."""

    delay_s: float = 0

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        instruction = read_instruction(turn.messages[-1].content if turn.messages else turn.text)
        if instruction.wait_s:
            await asyncio.sleep(instruction.wait_s)
        if turn.attempt <= instruction.failures and not instruction.halfway:
            raise _told_to_fail(instruction, turn.attempt)
        if instruction.ask and (not turn.answers or turn.answers[-1].choice != ALLOW):
            yield TextDelta("Then I will not count the words.") if turn.answers else _question(turn)
            return
        for event in _tool_use(turn) if instruction.tool or instruction.ask else ():
            yield event
        if instruction.note and turn.state is not None:
            yield noted(turn, instruction.note)
        async for piece in self._spoken(turn, instruction):
            yield piece
        if instruction.choices:
            yield Choices(("Count to 5", "Use markdown", "Help"), "\n\nWhat next?")

    async def _spoken(self, turn: Turn, instruction: Instruction) -> AsyncGenerator[TextDelta, None]:
        said = tuple(pieces(_on_attempt(turn, instruction) + answer(turn, instruction)))
        pause = max(self.delay_s, instruction.spread_s / len(said))
        for index, piece in enumerate(said):
            if turn.attempt <= instruction.failures and index >= len(said) // 2:
                raise _told_to_fail(instruction, turn.attempt)
            # Even a pause of zero lets other tasks run, however long the answer is.
            await asyncio.sleep(pause if index else 0)
            yield TextDelta(piece)


def _told_to_fail(instruction: Instruction, attempt: int) -> AgentError:
    return AgentError(f"The demo agent was told to fail (attempt {attempt}).", retryable=not instruction.for_good)


def _on_attempt(turn: Turn, instruction: Instruction) -> str:
    return f"This worked on attempt {turn.attempt}. " if instruction.failures else ""


def _question(turn: Turn) -> ApprovalRequest:
    return ApprovalRequest(
        "May I count the words of your message?", (ALLOW, "Deny"), f"{turn.turn_id}-1", TOOL, {"text": turn.text}
    )


def _tool_use(turn: Turn) -> tuple[AgentEvent, ...]:
    call_id = f"{turn.turn_id}-1"
    words = len(turn.text.split())
    return (
        ToolCall(call_id, TOOL, {"text": turn.text}),
        ToolResult(call_id, TOOL, f"{words} words"),
        TextDelta(f"I used the tool `{TOOL}`: your message has {words} words.\n\n"),
    )
