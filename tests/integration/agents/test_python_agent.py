"""An agent of kind `python` in a gateway of its own process."""

from __future__ import annotations

import pytest

from tests.world import World


@pytest.mark.parametrize("target", ["sleeper", "sleeping_generator"])
async def test_a_function_that_blocks_does_not_hold_up_the_end(world: World, target: str) -> None:
    """SIGTERM while it sleeps for 30 s: the process ends within 10."""
    process = await world.process(
        TURNGATE_AGENTS__ASSISTANT__KIND="python",
        TURNGATE_AGENTS__ASSISTANT__TARGET=f"tests.unit.agents.targets:{target}",
    )
    ann = await world.person("ann", process.url)
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text="good night")
    await socket.hears("turn", status="running")
    assert await process.stops() < 10
