"""An agent whose framework remembers its conversations, as an external author would write it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, AgentSession, TextDelta
from gateway.core.model import Turn


class Remembering:
    """Answers with its conversation's id, `own-<n>`, and everything that users said in it."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}
        self.forgotten: list[str] = []
        self.go_on = asyncio.Event()

    async def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        """Reports its conversation each time; a new one starts with the history."""
        name = turn.agent_session or f"own-{len(self.known) + 1}"
        known = self.known.setdefault(name, [said.content for said in turn.history if said.role == "user"])
        known.append(turn.text)
        yield AgentSession(name)
        if "slowly" in turn.text:
            await self.go_on.wait()
        yield TextDelta(f"{name}: {', '.join(known)}")

    async def forget(self, agent_session: str) -> None:
        """Drops the conversation; fails for the first one."""
        self.forgotten.append(agent_session)
        if agent_session == "own-1":
            raise RuntimeError("no such conversation")


class Hanging(Remembering):
    """The same, but forgetting never ends."""

    async def forget(self, agent_session: str) -> None:
        """Waits."""
        self.forgotten.append(agent_session)
        await asyncio.Event().wait()
