"""Agents that ask before they go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from turngate import AgentEvent, AgentSession, ApprovalRequest, TextDelta, Turn, Usage, UsageReport


class Asking:
    """Asks before it deletes a file; a message names how: `soon` expires at once, `twice` asks two questions."""

    calls: ClassVar[list[Turn]] = []

    async def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        """Asks, and on its next call says what it was answered."""
        self.calls.append(turn)
        yield UsageReport(Usage(10, 1, "m", 0.5))
        if len(turn.answers) < 1 + ("twice" in turn.text):
            yield AgentSession("thread-7")
            yield TextDelta("Let me see.")
            yield _request(turn)
            yield TextDelta("Nobody hears this.")
        else:
            yield TextDelta(", ".join(f"{answer.choice}/{answer.text}/{answer.resume}" for answer in turn.answers))


def _request(turn: Turn) -> ApprovalRequest:
    return ApprovalRequest(
        f"Delete file {len(turn.answers) + 1}?",
        ("Yes", "Later", "No"),
        call_id="c1",
        tool="delete",
        input={"file": "a.txt"},
        expires_in=0.05 if "soon" in turn.text else None,
        default="Later" if "later" in turn.text else None,
        resume={"step": len(turn.answers) + 1},
    )


async def ask_badly(_turn: Turn) -> AsyncIterator[AgentEvent]:
    """Gives nobody a choice."""
    yield ApprovalRequest("Go?", ())
