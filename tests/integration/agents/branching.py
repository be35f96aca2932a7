"""An agent whose framework keeps conversations of its own, as an external author would write it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, AgentSession, TextDelta
from gateway.core.model import Turn


class Branching:
    """Names each new conversation `own-<n>` and its branches `…-fork`; answers with the current one."""

    def __init__(self) -> None:
        self.begun = 0
        self.forgotten: list[str] = []

    async def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        """Answers with its conversation's id and the user's text."""
        name = turn.agent_session
        if name is None:
            self.begun += 1
            name = f"own-{self.begun}"
            yield AgentSession(name)
        yield TextDelta(f"{name}: {turn.text}")

    async def fork(self, agent_session: str) -> str:
        """Returns a branch with the same past."""
        return f"{agent_session}-fork"

    def forget(self, agent_session: str) -> None:
        """Drops the conversation."""
        self.forgotten.append(agent_session)
