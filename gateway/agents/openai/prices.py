"""The cost of an answer: as reported by the server, otherwise by the prices in the settings."""

from __future__ import annotations

import math

from openai.types import CompletionUsage

from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.core.model import Usage

MILLION = 1_000_000


def usage_of(reported: CompletionUsage, model: str, settings: OpenAIAgentSettings) -> Usage:
    """Returns the tokens that a server reports, and their cost in US dollars if known."""
    cost = _reported_cost(reported)
    if cost is None:
        cost = _by_price(reported, settings)
    return Usage(reported.prompt_tokens, reported.completion_tokens, model, cost)


def _reported_cost(reported: CompletionUsage) -> float | None:
    """OpenRouter adds `cost`, in dollars, to OpenAI's format (its documentation, Usage accounting)."""
    cost: object = (reported.model_extra or {}).get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if math.isfinite(cost) and cost >= 0 else None


def _by_price(reported: CompletionUsage, settings: OpenAIAgentSettings) -> float | None:
    if settings.input_price is None or settings.output_price is None:
        return None
    spent = reported.prompt_tokens * settings.input_price + reported.completion_tokens * settings.output_price
    return spent / MILLION
