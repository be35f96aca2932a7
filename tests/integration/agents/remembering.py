"""An agent whose framework's conversations know for good what they were told, as an outsider would write it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, AgentSession, TextDelta
from gateway.core.model import Turn


class Remembering:
    """Says which of its conversations it is in, `own-<n>`, and everything that users said in it."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}
        self.forgotten: list[str] = []
        self.go_on = asyncio.Event()

    async def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        """Names its conversation each time; of a new one it takes the history in."""
        name = turn.agent_session or f"own-{len(self.known) + 1}"
        known = self.known.setdefault(name, [said.content for said in turn.history if said.role == "user"])
        known.append(turn.text)
        yield AgentSession(name)
        if "slowly" in turn.text:
            await self.go_on.wait()
        yield TextDelta(f"{name}: {', '.join(known)}")

    async def forget(self, agent_session: str) -> None:
        """Drops it; the first one fails at that."""
        self.forgotten.append(agent_session)
        if agent_session == "own-1":
            raise RuntimeError("no such conversation")


class Hanging(Remembering):
    """The same, never done with forgetting."""

    async def forget(self, agent_session: str) -> None:
        """Waits."""
        self.forgotten.append(agent_session)
        await asyncio.Event().wait()
