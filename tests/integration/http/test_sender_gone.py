"""A sender who hangs up before the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from gateway.core.live.announcer import Announcer
from gateway.core.model import WEB, AgentName, InboundMessage, Route, UserId
from storage.turns.turns import PostgresTurns
from tests.world import World, eventually


async def test_a_turn_that_cannot_begin_is_logged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a reason that nobody foresaw, and that the sender does not hear of any more."""
    original, taken, go_on = PostgresTurns.accept, asyncio.Event(), asyncio.Event()

    async def held_up(store: PostgresTurns, *asked: Any) -> Any:
        accepted = await original(store, *asked)
        taken.set()
        await go_on.wait()
        return accepted

    def broken(*_asked: Any) -> None:
        monkeypatch.undo()
        raise LookupError("nobody foresaw this")

    monkeypatch.setattr(PostgresTurns, "accept", held_up)
    monkeypatch.setattr(Announcer, "begins", broken)
    gateway = await world.gateway()
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
