"""Agents, teams and workflows as their authors would write them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.run.agent import CustomEvent
from agno.team import Team
from agno.tools import tool
from agno.workflow import Step, StepInput, StepOutput, Workflow

SERVER = {"url": ""}
KEY = "sk-of-a-test"
MODELS: list[OpenAIChat] = []
"""Those whose connections are to be closed."""
FAILURES: list[str] = []
"""What the next attempts fail with, after they have answered."""


def _model() -> OpenAIChat:
    MODELS.append(OpenAIChat(id="gpt-4o", base_url=SERVER["url"], api_key=KEY, max_retries=0))
    return MODELS[-1]


@dataclass
class Rolled(CustomEvent):
    """What a tool streams."""

    sides: int = 0


async def roll(sides: int) -> AsyncIterator[Rolled | str]:
    """Rolls a die."""
    yield Rolled(sides=sides)
    yield "4"


@tool(requires_confirmation=True)
def pay(amount: int) -> str:
    """Pays."""
    return f"paid {amount}"


def _stumble() -> None:
    if FAILURES:
        raise RuntimeError(FAILURES.pop())


def assistant() -> Agent:
    """An agent without a database."""
    return Agent(id="assistant", model=_model(), tools=[roll, pay], post_hooks=[_stumble])


def team() -> Team:
    """A leader that answers itself."""
    return Team(id="team", members=[Agent(name="helper", model=_model())], model=_model())


def _shout(given: StepInput) -> StepOutput:
    return StepOutput(content=f"{given.previous_step_content}!")


def workflow() -> Workflow:
    """An agent, and a function after it."""
    return Workflow(
        id="flow", steps=[Step(name="ask", agent=Agent(model=_model())), Step(name="shout", executor=_shout)]
    )


nothing: list[str] = []
