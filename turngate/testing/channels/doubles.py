"""The gateway's side as the suite plays it: an intake whose store can be slow, unavailable or strict, and parts that store nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.core.inbound import InboundMessage
from gateway.core.intake.message_rates import MessageRates
from gateway.core.limits.settings import Limits
from gateway.core.model import AgentName, ChannelName, Route, Session, SessionId, TurnId, UserId
from gateway.core.networks import ChannelParts
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.ports.turns import Acceptance
from gateway.core.ports.users.links import Link, Person
from gateway.core.service import Acknowledge, Intake, Notice
from gateway.core.user_ids import UserIds
from gateway.core.users.links import Links
from gateway.errors import NotFound, StoreUnavailable

AGENT = AgentName("assistant")


@dataclass
class RecordingIntake:
    """Accepts messages and records them; also passes them to `inner`, for channels that need a real answer."""

    inner: Intake | None = None
    taken: list[InboundMessage] = field(default_factory=list)
    """In the order in which they became durable."""
    tries: Counter[str] = field(default_factory=Counter)
    """How often each text was offered."""
    away: bool = False
    """While set, nothing can be stored."""
    held_up: dict[str, asyncio.Event] = field(default_factory=dict)
    """Texts whose commit waits for an event."""
    answers: dict[str, Exception] = field(default_factory=dict)
    """Texts that are refused, and with which error."""

    @property
    def texts(self) -> list[str]:
        """The texts of durable messages."""
        return [message.text for message in self.taken]

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        self.tries[message.text] += 1
        if message.text in self.held_up:
            await self.held_up[message.text].wait()
        if self.away:
            raise StoreUnavailable("The database is unavailable (conformance suite).")
        if message.text in self.answers:
            raise self.answers[message.text]
        accepted = Acceptance("accepted") if self.inner is None else await self.inner.accept(message, acknowledge)
        self.taken.append(message)
        if self.inner is None and acknowledge is not None and isinstance(accepted, Acceptance):
            acknowledge(accepted)
        return accepted

    def adopt(self, accepted: Acceptance) -> None:
        if self.inner is not None:
            self.inner.adopt(accepted)

    async def cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        if self.inner is not None:
            await self.inner.cancel(turn_id, user_id)

    async def wait(
        self, turn_id: TurnId, session_id: SessionId, user_id: UserId | None, timeout: float
    ) -> TurnOutcome | None:
        return None if self.inner is None else await self.inner.wait(turn_id, session_id, user_id, timeout)


@dataclass
class RecordingMoves:
    """`Moves` that only records its calls."""

    moved: list[tuple[str, str]] = field(default_factory=list)

    async def move(self, old: str, new: str) -> None:
        self.moved.append((old, new))


class _Leases:
    async def hold(self, account: str) -> bool:
        return bool(account)

    async def give_up(self, account: str) -> None:
        """There are no other replicas."""


@dataclass
class _Quarantine:
    kept: dict[tuple[str, str], str] = field(default_factory=dict)

    async def keep(self, account: str, key: str, raw: str, reason: str) -> None:
        self.kept[account, key] = f"{reason}: {raw}"


class _NoLinks:
    """Nobody is linked, and nobody can be."""

    async def user_of(self, channel: ChannelName, external_id: str) -> UserId | None:
        return None

    async def add_code(
        self,
        digest: bytes,
        user_id: UserId,
        channel: ChannelName,
        person: Person | None,
        ttl: timedelta,
    ) -> datetime:
        return datetime.now(UTC) + ttl

    async def redeem(self, digest: bytes, person: Person) -> Link | None:
        return None

    async def redeem_for(self, digest: bytes, user_id: UserId) -> Link | None:
        return None

    async def void(self, digest: bytes) -> None:
        """There are no codes."""

    async def forget_codes(self) -> None:
        """There are no codes."""

    async def list(self, user_id: UserId | None) -> Sequence[Link]:
        return ()

    async def delete(self, link_id: UUID, user_id: UserId | None) -> Link:
        raise NotFound("There is no such link.")

    async def delete_person(self, channel: ChannelName, external_id: str) -> Link | None:
        return None

    async def sessions_of(self, user_id: UserId) -> int:
        return 0


class _Routes:
    """Nobody has chosen anything."""

    async def point(self, user_id: UserId, route: Route, session_id: SessionId, account: str | None = None) -> Session:
        raise NotFound("There is no such session.")

    async def choose(self, user_id: UserId, route: Route, agent: AgentName, account: str | None = None) -> None:
        """Stores nothing."""

    async def agent_at(self, user_id: UserId, route: Route) -> AgentName | None:
        return None

    async def note_list(
        self, user_id: UserId, route: Route, sessions: Sequence[SessionId], account: str | None = None
    ) -> None:
        """Stores nothing."""

    async def listed(self, user_id: UserId, route: Route) -> Sequence[SessionId]:
        return ()


def channel_parts(
    intake: RecordingIntake, moves: RecordingMoves, agents: Collection[AgentName] = (AGENT,)
) -> ChannelParts:
    """What a `ChannelKind` builds its network with, played by the suite: nobody is linked, and no rate is limited."""
    return ChannelParts(
        intake=intake,
        leases=_Leases(),
        quarantine=_Quarantine(),
        moves=moves,
        links=Links(_NoLinks(), UserIds(), {}),
        routes=_Routes(),
        rates=MessageRates(Limits(visitor_messages_per_minute=None), UserIds()),
        agents=tuple(agents),
        public_url=None,
    )
