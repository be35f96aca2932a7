"""The ports with failpoints around them (`gateway.app.faults.failpoints`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.app.faults.failpoints import Failpoints, read_failpoints
from gateway.core.events import AgentEvent
from gateway.core.model import (
    Address,
    ChannelName,
    Chunk,
    InboundMessage,
    OutboxItem,
    Reply,
    SessionId,
    Turn,
    TurnId,
    UserId,
)
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.ports.channels import Channel, MayLeave, PollLeases
from gateway.core.ports.outbox import OutboxStore, Settled
from gateway.core.ports.schedules import MOST_LISTED, NewSchedule, RunPage, Schedule, ScheduleId, ScheduleStore
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.ports.turns import Acceptance, Finished, TurnStore
from gateway.core.service import Acknowledge, Intake, Notice
from gateway.errors import AgentError, DeliveryDeferred, DeliveryUnknown, StoreUnavailable

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
        intake=partial(FailingIntake, points),
        agent=partial(FailingAgent, points),
        channel=partial(FailingChannel, points),
    )


def _stores(points: Failpoints, stores: Stores) -> Stores:
    return replace(
        stores,
        turns=FailingTurns(points, stores.turns),
        outbox=FailingOutbox(points, stores.outbox),
        schedules=FailingSchedules(points, stores.schedules),
        leases=FailingLeases(points, stores.leases),
    )


@dataclass(frozen=True, slots=True)
class FailingTurns:
    """Fails around T1 and T2."""

    points: Failpoints
    inner: TurnStore

    async def accept(self, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        await self.points.reach("before_t1", away())
        accepted = await self.inner.accept(message, terms)
        await self.points.reach("after_t1", away())
        return accepted

    async def finish(self, turn: Turn, reply: Reply, held: Sequence[int] = ()) -> Finished:
        await self.points.reach("before_t2", away())
        finished = await self.inner.finish(turn, reply, held)
        await self.points.reach("after_t2", away())
        return finished

    async def begin_attempt(self, turn: Turn, *, counts: bool = True) -> Turn:
        return await self.inner.begin_attempt(turn, counts=counts)

    async def steal(self, limit: int, running: Sequence[TurnId] = (), *, silence: timedelta | None) -> Sequence[Turn]:
        return await self.inner.steal(limit, running, silence=silence)

    async def release(self, turns: Sequence[TurnId]) -> None:
        await self.inner.release(turns)

    async def request_cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        await self.inner.request_cancel(turn_id, user_id)


@dataclass(frozen=True, slots=True)
class FailingOutbox:
    """Fails around T3."""

    points: Failpoints
    inner: OutboxStore

    async def mark(self, settled: Settled) -> None:
        await self.points.reach("before_t3", away())
        await self.inner.mark(settled)
        await self.points.reach("after_t3", away())

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        return await self.inner.mine(items)

    async def steal(self, limit: int, held: Sequence[int], *, expired: bool) -> Sequence[OutboxItem]:
        return await self.inner.steal(limit, held, expired=expired)

    async def forget_sent(self, days: int) -> int:
        return await self.inner.forget_sent(days)


@dataclass(frozen=True, slots=True)
class FailingSchedules:
    """Fails around a fire."""

    points: Failpoints
    inner: ScheduleStore

    async def fire(
        self, schedule: Schedule, next_fire_at: datetime | None, message: InboundMessage, terms: TurnTerms
    ) -> Acceptance | None:
        await self.points.reach("before_fire", away())
        accepted = await self.inner.fire(schedule, next_fire_at, message, terms)
        await self.points.reach("after_fire", away())
        return accepted

    async def create(self, new: NewSchedule, *, most: int | None = None) -> Schedule:
        return await self.inner.create(new, most=most)

    async def list(self, user_id: UserId | None, limit: int = MOST_LISTED) -> Sequence[Schedule]:
        return await self.inner.list(user_id, limit)

    async def get(self, schedule_id: ScheduleId, user_id: UserId | None) -> Schedule:
        return await self.inner.get(schedule_id, user_id)

    async def now(self) -> datetime:
        return await self.inner.now()

    async def due(self, limit: int) -> tuple[datetime, Sequence[Schedule]]:
        return await self.inner.due(limit)

    async def run_now(self, schedule: Schedule, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        return await self.inner.run_now(schedule, message, terms)

    async def change(self, before: Schedule, after: Schedule) -> Schedule | None:
        return await self.inner.change(before, after)

    async def runs(self, schedule_id: ScheduleId, user_id: UserId | None, limit: int, cursor: str | None) -> RunPage:
        return await self.inner.runs(schedule_id, user_id, limit, cursor)

    async def delete(self, schedule_id: ScheduleId, user_id: UserId | None) -> None:
        await self.inner.delete(schedule_id, user_id)

    async def next_due_at(self, after: datetime) -> datetime | None:
        return await self.inner.next_due_at(after)


@dataclass(frozen=True, slots=True)
class FailingLeases:
    """Fails where a poller is about to confirm what it has taken in."""

    points: Failpoints
    inner: PollLeases

    async def hold(self, account: str) -> bool:
        await self.points.reach("poll_offset", away())
        return await self.inner.hold(account)

    async def give_up(self, account: str) -> None:
        await self.inner.give_up(account)


@dataclass(frozen=True, slots=True)
class FailingIntake:
    """Fails around the acknowledgement of a message."""

    points: Failpoints
    inner: Intake

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        return await self.inner.accept(message, None if acknowledge is None else partial(self._pass, acknowledge))

    def _pass(self, acknowledge: Acknowledge, accepted: Acceptance) -> None:
        self.points.pass_by("before_ack", ConnectionResetError("failpoint"))
        acknowledge(accepted)
        self.points.pass_by("after_ack", ConnectionResetError("failpoint"))

    def adopt(self, accepted: Acceptance) -> None:
        self.inner.adopt(accepted)

    async def cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        await self.inner.cancel(turn_id, user_id)

    async def wait(
        self, turn_id: TurnId, session_id: SessionId, user_id: UserId | None, timeout: float
    ) -> TurnOutcome | None:
        return await self.inner.wait(turn_id, session_id, user_id, timeout)


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


@dataclass(frozen=True, slots=True)
class FailingChannel:
    """Fails around the sending of a chunk."""

    points: Failpoints
    inner: Channel

    @property
    def name(self) -> ChannelName:
        return self.inner.name

    def render(self, content: str) -> Sequence[Chunk]:
        return self.inner.render(content)

    async def ready(self, address: Address) -> None:
        await self.inner.ready(address)

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        await self.points.reach("before_send", DeliveryDeferred("The connection was refused (failpoint).", 0.1))
        await self.inner.deliver(address, chunk, may_leave)
        await self.points.reach("after_send", DeliveryUnknown("The answer was lost (failpoint)."))

    async def typing(self, address: Address) -> None:
        await self.inner.typing(address)
