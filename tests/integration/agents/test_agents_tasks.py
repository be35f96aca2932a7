"""An agent that misuses its task affects nothing beyond its call."""

from __future__ import annotations

import pytest

from tests.world import World

AGENTS = "tests.integration.agents.tampering_agents"


async def answers(world: World, target: str, *texts: str) -> list[str]:
    """The agent's answers to messages that are sent one right after the other."""
    gateway = await world.gateway(agents={"assistant": {"kind": "python", "target": f"{AGENTS}:{target}"}})
    socket = await (await world.person("ann", gateway.url)).connects()
    for number, text in enumerate(texts):
        await socket.says(type="send", id=f"k{number}", text=text)
    said: list[str] = []
    while len(said) < len(texts):
        message = (await socket.hears("message"))["message"]
        if message["role"] == "assistant":
            said.append(message["content"])
    return said


@pytest.mark.parametrize("target", ["cancelling_itself", "cancelling_ever_after"])
async def test_an_agent_that_cancels_its_task_does_not_cost_its_reply(world: World, target: str) -> None:
    """The reply is recorded in another task than the agent's."""
    assert await answers(world, target, "hello") == ["re: hello"]


async def test_context_variables_end_with_the_call(world: World) -> None:
    """The next turn of a session starts where the previous one ends, and sees none of the variables its agent has set."""
    assert await answers(world, "remembering", "first", "second") == ["saw nothing", "saw nothing"]
