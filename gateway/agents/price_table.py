"""Prices of models, from the table that the library `genai-prices` ships: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator

from genai_prices import Usage as Tokens
from genai_prices import calc_price

from gateway.core.model import Usage


def cost_of(usage: Usage, provider_url: str | None) -> float | None:
    """Returns US dollars; None for a model that the table does not have.

    `provider_url`: where the model is served, whose prices count; None: the provider is found by the model's name, which may
    begin with it, as in `openai:gpt-4o` and `anthropic/claude-sonnet-4`.
    """
    tokens = Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens or None,
        cache_write_tokens=usage.cache_write_tokens or None,
    )
    if provider_url is not None:
        return _cost(tokens, usage.model, url=provider_url)
    for model, provider in _readings(usage.model):
        if (cost := _cost(tokens, model, provider)) is not None:
            return cost
    return None


def _readings(model: str) -> Iterator[tuple[str, str | None]]:
    yield model, None
    for mark in (":", "/"):
        provider, _, name = model.partition(mark)
        if name:
            yield name, provider


def _cost(tokens: Tokens, model: str, provider: str | None = None, url: str | None = None) -> float | None:
    try:
        if url is not None:
            return float(calc_price(tokens, model, provider_api_url=url).total_price)
        return float(calc_price(tokens, model, provider_id=provider).total_price)
    except LookupError:
        return None
