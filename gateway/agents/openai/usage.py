"""What an answer used, as its server reports it."""

from __future__ import annotations

import math

from openai.types import CompletionUsage
from openai.types.responses import ResponseUsage

from gateway.core.model import Usage


def usage_of(reported: CompletionUsage, model: str) -> Usage:
    """Returns the tokens that a server reports, and their cost in US dollars if it reports that as well."""
    details = reported.prompt_tokens_details
    cached = (details.cached_tokens if details is not None else None) or 0
    return Usage(reported.prompt_tokens, reported.completion_tokens, model, _reported_cost(reported), cached)


def response_usage_of(reported: ResponseUsage, model: str) -> Usage:
    """The same for a response."""
    # Other servers leave the details out, and the client does not check.
    cached = getattr(reported.input_tokens_details, "cached_tokens", None) or 0
    return Usage(reported.input_tokens, reported.output_tokens, model, _reported_cost(reported), cached)


def _reported_cost(reported: CompletionUsage | ResponseUsage) -> float | None:
    """OpenRouter adds `cost`, in dollars, to OpenAI's format (its documentation, Usage accounting)."""
    cost: object = (reported.model_extra or {}).get("cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if math.isfinite(cost) and cost >= 0 else None
