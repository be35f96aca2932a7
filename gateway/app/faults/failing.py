"""The ports with failpoints around them (`gateway.app.faults.failpoints`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from gateway.app.building.seams import Seams, with_calls
from gateway.app.building.stores import Stores
from gateway.app.faults.failpoints import Failpoints, Point, read_failpoints
from gateway.core.events import AgentEvent
from gateway.core.inbound import InboundMessage
from gateway.core.model import Address, Turn
from gateway.core.outbound import Chunk
from gateway.core.ports.agents import Agent
from gateway.core.ports.channels import Channel, MayLeave
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Acknowledge, Intake, Notice
from gateway.errors import AgentError, DeliveryDeferred, DeliveryUnknown, StoreUnavailable

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)


def away() -> StoreUnavailable:
    """The error of a broken database connection."""
    return StoreUnavailable("The database cannot be reached (failpoint).")


def failing_seams(written: Mapping[str, str]) -> Seams:
    """Puts failpoints around every port; nothing if none are set. Raises `SettingsError`."""
    if not written:
        return Seams()
    points = Failpoints(read_failpoints(written))
    log.warning("failpoints_armed", **written)
    return Seams(
        stores=partial(_stores, points),
        intake=partial(_intake, points),
        agent=partial(FailingAgent, points),
        channel=partial(_channel, points),
    )


def _stores(points: Failpoints, stores: Stores) -> Stores:
    """Fails around T1, T2, T3 and a fire, and where a poller is about to confirm what it has taken in."""
    turns, outbox, schedules, leases = stores.turns, stores.outbox, stores.schedules, stores.leases
    return replace(
        stores,
        turns=with_calls(
            turns,
            accept=_around(points, "before_t1", turns.accept, "after_t1"),
            finish=_around(points, "before_t2", turns.finish, "after_t2"),
            ask=_around(points, "before_t2", turns.ask, "after_t2"),
        ),
        outbox=with_calls(outbox, mark=_around(points, "before_t3", outbox.mark, "after_t3")),
        schedules=with_calls(schedules, fire=_around(points, "before_fire", schedules.fire, "after_fire")),
        leases=with_calls(leases, hold=_around(points, "poll_offset", leases.hold)),
    )


def _around(
    points: Failpoints, before: Point, call: Callable[Asked, Awaitable[Answer]], after: Point | None = None
) -> Callable[Asked, Awaitable[Answer]]:
    """A store's call between two failpoints."""

    async def called(*asked: Asked.args, **more: Asked.kwargs) -> Answer:
        await points.reach(before, away())
        answer = await call(*asked, **more)
        if after is not None:
            await points.reach(after, away())
        return answer

    return called


def _intake(points: Failpoints, intake: Intake) -> Intake:
    """Fails around the acknowledgement of a message."""

    async def accept(message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        return await intake.accept(message, None if acknowledge is None else partial(acknowledged, acknowledge))

    def acknowledged(acknowledge: Acknowledge, accepted: Acceptance) -> None:
        points.pass_by("before_ack", ConnectionResetError("failpoint"))
        acknowledge(accepted)
        points.pass_by("after_ack", ConnectionResetError("failpoint"))

    return with_calls(intake, accept=accept)


def _channel(points: Failpoints, channel: Channel) -> Channel:
    """Fails around the sending of a chunk."""

    async def deliver(address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        await points.reach("before_send", DeliveryDeferred("The connection was refused (failpoint).", 0.1))
        await channel.deliver(address, chunk, may_leave)
        await points.reach("after_send", DeliveryUnknown("The answer was lost (failpoint)."))

    return with_calls(channel, deliver=deliver)


@dataclass(frozen=True, slots=True)
class FailingAgent:
    """Fails before, amid and after an answer."""

    points: Failpoints
    inner: Agent

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        broken = AgentError("The connection to the agent broke (failpoint).")
        await self.points.reach("agent_start", broken)
        events = self.inner.run(turn)
        middle = partial(self.points.reach, "agent_middle", broken)
        async with AsyncExitStack() as stack:
            if isinstance(events, AsyncGenerator):
                stack.push_async_callback(events.aclose)
            async for event in events:
                yield event
                await middle()
        await self.points.reach("agent_end", broken)
