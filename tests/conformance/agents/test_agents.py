"""Each kind of agent passes the conformance suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import get_args

import pytest
import pytest_asyncio

from gateway.agents.demo.agent import DemoAgent
from gateway.agents.registry import AgentSettings
from tests.conformance.agents import own_agents
from tests.conformance.agents.a2a import A2AUnderTest
from tests.conformance.agents.agno import AgnoUnderTest
from tests.conformance.agents.claude import ClaudeUnderTest
from tests.conformance.agents.http import HttpUnderTest
from tests.conformance.agents.langgraph import LangGraphUnderTest
from tests.conformance.agents.openai import OpenAIUnderTest, ResponsesUnderTest
from tests.conformance.agents.pydantic_ai import PydanticAIUnderTest
from tests.fakes.dice_server import dice
from tests.fakes.model_api import ModelApi, model_api
from turngate.testing.agents import ABILITIES, CASES, AgentUnderTest, Case, cases_of, under_test

DEMO = under_test(
    DemoAgent(),
    {
        "streams": "long answer",
        "calls_tools": "use a tool",
        "recalls": "what was my last question?",
        "waits": "wait 3600 seconds",
        "silent": "wait 3600 seconds",
        "slow": "wait 1 second",
        "stumbles": "fail once",
        "cuts": "fail halfway",
    },
)
OWN: Mapping[str, AgentUnderTest] = {
    "demo": DEMO,
    "http": HttpUnderTest(),
    "a2a": A2AUnderTest(),
    "python-function": under_test(own_agents.function, {"recalls": "go on", "waits": "wait", "silent": "wait"}),
    "python-plain-function": under_test(own_agents.plain_function, {"slow": "think"}),
    "python-generator": under_test(
        own_agents.generator,
        dict.fromkeys(("streams", "calls_tools", "reasons", "sends_files"), "one two three"),
        able=["reports_usage"],
    ),
    "python-plain-generator": under_test(own_agents.plain_generator, {"streams": "one two three"}),
    "python-class": under_test(own_agents.Remembering, {"recalls": "go on"}, able=["keeps_sessions", "forks"]),
}
"""Agents that need no provider, or one that starts at once."""
OF_MODELS: Mapping[str, type[OpenAIUnderTest | ClaudeUnderTest | LangGraphUnderTest | AgnoUnderTest]] = {
    "openai": OpenAIUnderTest,
    "openai-responses": ResponsesUnderTest,
    "claude": ClaudeUnderTest,
    "langgraph": LangGraphUnderTest,
    "agno": AgnoUnderTest,
}
"""Agents that need a server of model APIs."""


def test_every_kind_is_under_test() -> None:
    """And together they can do all that the suite asks for, but for approvals."""
    kinds = {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(AgentSettings)[0])}
    assert kinds == {name.partition("-")[0] for name in OWN} | {name.partition("-")[0] for name in OF_MODELS} | {
        "pydantic_ai"
    }
    able = frozenset(PydanticAIUnderTest.abilities).union(
        *(kind.abilities for kind in OF_MODELS.values()), *(agent.abilities for agent in OWN.values())
    )
    assert able == set(ABILITIES) - {"asks_approval"}


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}-{case}") for name, agent in OWN.items() for case in cases_of(agent)],
)
async def test_conformance(name: str, case: Case) -> None:
    """Each case holds for the demo agent and for each shape of an agent of one's own, if they can do what it needs."""
    await case.run(OWN[name])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ModelApi]:
    """A server of model APIs for all cases."""
    async with model_api(tmp_path_factory.mktemp("models")) as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case}")
        for name, kind in OF_MODELS.items()
        for case in CASES
        if case.needs <= kind.abilities
    ],
)
async def test_conformance_at_a_model(name: str, case: Case, api: ModelApi) -> None:
    """Each case holds for the kinds that call a model, if they can do what it needs."""
    await case.run(OF_MODELS[name](api))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tools() -> AsyncIterator[str]:
    """A server of tools for all cases."""
    async with dice() as url:
        yield url


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", [case for case in CASES if case.needs <= PydanticAIUnderTest.abilities], ids=str)
async def test_conformance_of_pydantic_ai(case: Case, api: ModelApi, tools: str) -> None:
    """Each case holds for a model of the library with tools of an MCP server."""
    await case.run(PydanticAIUnderTest(api, tools))
