"""Demo agents with a multitask strategy, and the outcome of their turns."""

from __future__ import annotations

from typing import Any

from tests.world import World


def demo(strategy: str, **given: Any) -> dict[str, Any]:
    """Settings of the demo agent with a strategy."""
    return {"assistant": {"kind": "demo", "multitask_strategy": strategy, **given}}


async def statuses(world: World) -> list[str]:
    """Of all turns, in order."""
    return [row["status"] for row in await world.rows("SELECT status FROM turns ORDER BY seq")]
