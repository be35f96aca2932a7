"""The cost of turns whose agents report tokens: by the settings' prices, otherwise by the price table."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.agents.claude.settings import ClaudeAgentSettings
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.prices import Prices
from gateway.agents.pydantic_ai.settings import PydanticAIAgentSettings
from gateway.agents.settings import AgentBase
from gateway.core.model import AgentName, Usage

AGENT = AgentName("assistant")
GPT = Usage(1_000_000, 100_000, "gpt-4o")


async def cost(usage: Usage, settings: AgentBase | None = None) -> float | None:
    """The cost of an agent's turn."""
    return (await Prices({AGENT: settings or AgentBase()}).priced(AGENT, usage)).cost


def openai(**given: object) -> AgentBase:
    """The settings of an agent of kind `openai`."""
    return OpenAIAgentSettings.model_validate({"kind": "openai", "model": "m", **given})


async def test_prices_of_the_settings_are_for_a_million_tokens() -> None:
    """2,000 at half a dollar and 500 at two dollars a million are a fifth of a cent; the table does not matter then."""
    settings = AgentBase(input_price=0.5, output_price=2.0)
    assert await cost(Usage(2_000, 500, "gpt-4o"), settings) == pytest.approx(0.002)
    assert await cost(Usage(2_000, 500), AgentBase(input_price=0, output_price=0)) == 0


async def test_a_reported_cost_counts() -> None:
    """The agent knows best."""
    assert await cost(Usage(1, 1, "gpt-4o", 7.0), AgentBase(input_price=0.5, output_price=2.0)) == 7.0


@pytest.mark.parametrize("kind", [PydanticAIAgentSettings, ClaudeAgentSettings])
async def test_prices_of_the_settings_replace_an_estimate(kind: type[AgentBase]) -> None:
    """What these kinds report comes from their library's list."""
    settings = kind.model_construct(input_price=0.5, output_price=2.0)
    assert await cost(Usage(2_000, 500, "gpt-4o", 7.0), settings) == pytest.approx(0.002)
    assert await cost(Usage(2_000, 500, "gpt-4o", 7.0), kind.model_construct()) == 7.0


@pytest.mark.parametrize("name", ["gpt-4o", "openai:gpt-4o", "openai/gpt-4o", "gpt-4o-2024-08-06"])
async def test_the_table_knows_a_model_by_its_usual_names(name: str) -> None:
    """With its provider before it or not, and with a date."""
    assert await cost(Usage(1_000_000, 100_000, name)) == pytest.approx(3.5)


async def test_tokens_from_a_cache_are_cheaper() -> None:
    """They are part of the input."""
    cached = await cost(Usage(1_000_000, 100_000, "gpt-4o", cache_read_tokens=800_000))
    assert cached is not None
    assert cached < 3.5


@pytest.mark.parametrize("name", ["", "unheard-of", "nobody:gpt-4o", "a/b/c"])
async def test_a_model_that_no_table_has_costs_nobody_knows_what(name: str) -> None:
    """Unknown is not zero."""
    assert await cost(Usage(1_000, 1_000, name)) is None


async def test_prices_are_those_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    """A model's name alone is no price on a server of one's own; what is unknown is logged once."""
    assert await cost(GPT, openai()) == pytest.approx(3.5)
    prices = Prices({AGENT: openai(base_url="http://127.0.0.1:8000/v1")})
    for _ in range(2):
        assert (await prices.priced(AGENT, GPT)).cost is None
    assert capsys.readouterr().out.count("price_unknown") == 1


async def test_models_of_one_turn_are_priced_one_by_one() -> None:
    """A model with a reported cost and one without add up, and merge if they are the same."""
    usage = Usage(1_000_000, 0, "small", 0.25) + GPT + Usage(0, 0, "gpt-4o", 1.0)
    priced = await Prices({}).priced(AGENT, usage)
    assert priced.cost == pytest.approx(4.75)
    assert priced.model == "gpt-4o"
    assert [(part.model, part.cost) for part in priced.models] == [("small", 0.25), ("gpt-4o", pytest.approx(4.5))]


def test_one_price_is_refused() -> None:
    """With only one price, every figure would be wrong."""
    with pytest.raises(ValidationError, match="go together"):
        AgentBase(input_price=1.0)
