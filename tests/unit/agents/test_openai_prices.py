"""The cost of an answer: as the server reports it, otherwise by the prices in the settings."""

from __future__ import annotations

import pytest
from openai.types import CompletionUsage
from pydantic import ValidationError

from gateway.agents.openai.prices import usage_of
from gateway.agents.openai.settings import OpenAIAgentSettings


def cost(settings: dict[str, float], **reported: object) -> float | None:
    """The cost of 2,000 input and 500 output tokens."""
    tokens = {"prompt_tokens": 2_000, "completion_tokens": 500, "total_tokens": 2_500}
    agent = OpenAIAgentSettings.model_validate({"kind": "openai", "model": "m", **settings})
    return usage_of(CompletionUsage.model_validate(tokens | reported), "m", agent).cost


PRICES = {"input_price": 0.5, "output_price": 2.0}


def test_prices_are_for_a_million_tokens() -> None:
    """2,000 at half a dollar and 500 at two dollars a million are a fifth of a cent."""
    assert cost(PRICES) == pytest.approx(0.002)


def test_what_the_server_reports_counts() -> None:
    """The server's own figure takes precedence."""
    assert cost(PRICES, cost=0.0375) == 0.0375


@pytest.mark.parametrize("odd", ["0.1", True, -1, None, float("nan"), {}])
def test_an_odd_cost_is_not_taken(odd: object) -> None:
    """Without a usable figure the cost is unknown, not zero."""
    assert cost({}, cost=odd) is None


def test_one_price_is_refused() -> None:
    """With only one price, every figure would be wrong."""
    with pytest.raises(ValidationError, match="go together"):
        cost({"input_price": 1.0})
