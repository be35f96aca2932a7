"""What models' tokens cost."""

from __future__ import annotations

from typing import Protocol

from gateway.core.model import AgentName, Usage


class Pricing(Protocol):
    """Prices for the usage whose cost an agent does not report."""

    async def priced(self, agent: AgentName, usage: Usage) -> Usage:
        """Returns the usage with its cost as far as that is known; never raises."""
        ...
