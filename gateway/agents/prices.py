"""What turns cost whose agents report tokens only: by the prices in an agent's settings, otherwise by the price table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from gateway.agents.settings import AgentBase
from gateway.core.model import AgentName, Usage, summed

log = structlog.get_logger(__name__)

MILLION = 1_000_000
MOST_REMARKS = 100


@dataclass(frozen=True, slots=True)
class Prices:
    """`Pricing` by settings and table."""

    agents: Mapping[str, AgentBase]
    _unknown: set[tuple[AgentName, str]] = field(default_factory=set)

    async def priced(self, agent: AgentName, usage: Usage) -> Usage:
        """Returns the usage with its cost, unless a model has no known price, which is logged once."""
        settings = self.agents.get(agent, AgentBase())
        known = usage.each()
        if settings.estimates_cost and settings.input_price is not None:
            known = tuple(replace(part, cost=None) for part in known)
        elif all(part.cost is not None for part in known):
            return usage
        parts = [part if part.cost is not None else await self._priced(agent, settings, part) for part in known]
        return replace(summed(parts), model=usage.model)

    async def _priced(self, agent: AgentName, settings: AgentBase, part: Usage) -> Usage:
        cost = by_settings(settings, part)
        if cost is None and part.model:
            # The table takes a quarter of a second to load, in which the event loop goes on.
            cost = await asyncio.to_thread(_by_table, part, settings.price_source)
        if cost is None:
            self._remark(agent, part.model)
        return replace(part, cost=cost)

    def _remark(self, agent: AgentName, model: str) -> None:
        if (agent, model) in self._unknown or len(self._unknown) >= MOST_REMARKS:
            return
        self._unknown.add((agent, model))
        log.warning(
            "price_unknown",
            agent=agent,
            model=model,
            advice=f"Its turns count no cost. Set agents.{agent}.input_price and output_price; 0 means free.",
        )


def by_settings(settings: AgentBase, usage: Usage) -> float | None:
    """Returns US dollars by the agent's own prices; None if it has none."""
    if settings.input_price is None or settings.output_price is None:
        return None
    return (usage.input_tokens * settings.input_price + usage.output_tokens * settings.output_price) / MILLION


def _by_table(usage: Usage, provider_url: str | None) -> float | None:
    from gateway.agents.price_table import cost_of  # noqa: PLC0415 - a megabyte of prices, loaded when first needed

    try:
        return cost_of(usage, provider_url)
    except Exception:  # a fault of the table must not cost the answer
        log.exception("pricing_failed", model=usage.model)
        return None
