"""Counts what turns have used, by agent and model."""

from __future__ import annotations

from gateway.core.measuring.metrics import COST, TOKENS
from gateway.core.model import FURTHER_MODELS, AgentName, Usage

MOST_MODELS = 200
"""Models with time series of their own: agents may report any names."""
_models: set[str] = set()


def count_usage(agent: AgentName, usage: Usage) -> None:
    """Counts the usage of a turn that has ended."""
    for part in usage.each():
        model = _label(part.model)
        TOKENS.labels(agent, model, "input").inc(part.input_tokens)
        TOKENS.labels(agent, model, "output").inc(part.output_tokens)
        if part.cost is not None:
            COST.labels(agent, model).inc(part.cost)


def _label(model: str) -> str:
    if len(_models) < MOST_MODELS:
        _models.add(model)
    return model if model in _models else FURTHER_MODELS
