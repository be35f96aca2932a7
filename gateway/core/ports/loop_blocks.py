"""Which agents blocked the event loop of their gateway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.model import AgentName


@dataclass(frozen=True, slots=True)
class LoopBlock:
    """The last time an agent blocked the event loop, and where in its code."""

    agent: AgentName
    seconds: float
    place: str
    noted_at: datetime


class LoopBlocks(Protocol):
    """One entry per agent: the latest."""

    async def note(self, agent: AgentName, seconds: float, place: str) -> None: ...

    async def recent(self) -> Sequence[LoopBlock]:
        """The entries of the last day."""
        ...
