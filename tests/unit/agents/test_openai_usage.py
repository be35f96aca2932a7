"""What an OpenAI-compatible server reports of an answer."""

from __future__ import annotations

import pytest
from openai.types import CompletionUsage

from gateway.agents.openai.usage import usage_of
from gateway.core.model import Usage


def reported(**more: object) -> Usage:
    """The usage of 2,000 input and 500 output tokens."""
    tokens = {"prompt_tokens": 2_000, "completion_tokens": 500, "total_tokens": 2_500}
    return usage_of(CompletionUsage.model_validate(tokens | more), "m")


def test_a_cost_that_the_server_reports_is_taken() -> None:
    """OpenRouter's."""
    assert reported(cost=0.0375) == Usage(2_000, 500, "m", 0.0375)


def test_cached_tokens_are_counted_apart() -> None:
    """They have a price of their own."""
    assert reported(prompt_tokens_details={"cached_tokens": 1_500}).cache_read_tokens == 1_500


@pytest.mark.parametrize("odd", ["0.1", True, -1, None, float("nan"), {}])
def test_an_odd_cost_is_not_taken(odd: object) -> None:
    """Without a usable figure the cost is unknown, not zero."""
    assert reported(cost=odd).cost is None
