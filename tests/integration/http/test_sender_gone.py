"""A sender who disconnects before the response."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB, AgentName, Route, UserId
from tests.detours import Call, Detours
from tests.world import World, eventually


async def test_a_turn_that_cannot_begin_is_logged(world: World, detours: Detours) -> None:
    """The reason is unexpected, and the sender no longer receives it."""
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def held_up(accept: Call, *asked: Any) -> Any:
        accepted = await accept(*asked)
        taken.set()
        await go_on.wait()
        return accepted

    async def broken(*_asked: Any) -> Any:
        detours.end("states", "of_turn")
        raise LookupError("nobody foresaw this")

    detours.divert("turns", "accept", held_up)
    detours.divert("states", "of_turn", broken)
    gateway = await world.gateway(detours.seams, agents={"assistant": {"kind": "demo", "state": True}})
    message = InboundMessage(UserId("ann"), WEB, AgentName("assistant"), "hi", "k1", Route("web:ann:assistant"))
    with structlog.testing.capture_logs() as logged:
        sender = asyncio.create_task(gateway.gateway.engine.intake.accept(message))
        await taken.wait()
        sender.cancel()
        await asyncio.wait({sender})
        go_on.set()

        async def told() -> bool:
            return any(entry["event"] == "task_failed" for entry in logged)

        await eventually(told)
