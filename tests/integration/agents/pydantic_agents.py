"""Agents of Pydantic AI whose models are functions, as an external author would write them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from pydantic import BaseModel
from pydantic_ai import (
    Agent,
    ApprovalRequired,
    DeferredToolRequests,
    ModelMessage,
    ModelRetry,
    RunContext,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from turngate import Turn


def told(messages: list[ModelMessage]) -> str:
    """Everything the model is shown, part by part."""
    seen = []
    for part in (part for message in messages for part in message.parts):
        match part:
            case UserPromptPart(content=str() as text):
                seen.append(f"user {text}")
            case TextPart(content=text):
                seen.append(f"text {text.partition(':')[0]}")
            case ToolCallPart(tool_name=name):
                seen.append(f"call {name}")
            case ToolReturnPart(content=content):
                seen.append(f"return {content}")
            case _:
                seen.append(part.part_kind)
    return ", ".join(seen)


async def recall(messages: list[ModelMessage], _: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
    """Rolls a die when asked to, otherwise says what the model is shown, in two pieces."""
    asked = messages[-1].parts[-1]
    if isinstance(asked, UserPromptPart) and "roll" in str(asked.content):
        yield {0: DeltaToolCall(name="roll", json_args='{"sid', tool_call_id="call-1")}
        yield {0: DeltaToolCall(json_args='es": 6}')}
        return
    if isinstance(asked, UserPromptPart) and "wait" in str(asked.content):
        yield "waiting: "
        await asyncio.sleep(3_600)
    yield "shown: "
    yield told(messages)


recalling = Agent(FunctionModel(stream_function=recall), deps_type=Turn)


@recalling.tool
def roll(context: RunContext[Turn], sides: int) -> str:
    """Rolls a die for the user of the turn."""
    return f"4 of {sides} for {context.deps.user_id}"


class City(BaseModel):
    """What a model is asked to find."""

    name: str
    people: int


async def find(_: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
    """Answers with the structure that the agent wants."""
    (tool,) = info.output_tools
    yield {0: DeltaToolCall(name=tool.name, json_args='{"name": "Köln", "people": 1100000}', tool_call_id="call-1")}


finding = Agent(FunctionModel(stream_function=find), output_type=City)

asking = Agent(FunctionModel(stream_function=recall), output_type=[str, DeferredToolRequests])


@asking.tool_plain(name="roll")
def roll_if_allowed(sides: int) -> str:
    """Rolls a die once somebody has approved it."""
    raise ApprovalRequired


@dataclass
class Trials:
    """How often tools were called in this process."""

    calls: list[int] = field(default_factory=list)


trials = Trials()
stumbling = Agent(FunctionModel(stream_function=recall), retries=0)


@stumbling.tool_plain(name="roll")
def roll_badly(sides: int) -> str:
    """Fails at the first call."""
    trials.calls.append(sides)
    if len(trials.calls) == 1:
        raise ModelRetry("The die fell off the table.")
    return f"2 of {sides}"
