"""Operations on turns, each for Postgres and for the model, and their results in the same words.

A session is identified by its index, a turn by the key of the message that opened it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Protocol, TypeAlias, cast

from gateway.app.building.stores import Stores
from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB, AgentName, Route, SessionId, Turn, TurnId, UserId
from gateway.core.outbound import Reply
from gateway.core.ports.agents import TurnTerms
from gateway.errors import LeaseLost
from tests.model import leases
from tests.model.leases import Session, Strategy

HANGS = timedelta(seconds=-60)
"""A time limit that has passed when the turn is claimed, its half minute of grace included."""


class Claim(NamedTuple):
    """A turn with its owner: which one, the claim's numbers, and the rows that its agent sees."""

    key: str
    epoch: int
    attempt: int
    history: tuple[int, ...]


class Outcome(NamedTuple):
    """An operation's result. `touched`: keys of superseded turns, or rows that were taken back."""

    status: str
    seq: int = 0
    claims: frozenset[Claim] = frozenset()
    touched: tuple[object, ...] = ()


LOST = Outcome("lost")


@dataclass
class Hands:
    """Every claim that a replica ever received, by the turn's key: late ones are used as well."""

    turns: dict[str, list[Turn]] = field(default_factory=dict)


@dataclass
class Reality:
    """Replicas of one database, and the names of its turns in the test."""

    replicas: Sequence[Stores]
    sessions: Sequence[SessionId]
    users: Sequence[UserId]
    keys: dict[TurnId, str] = field(default_factory=dict)
    hands: Mapping[int, Hands] = field(default_factory=dict)

    def named(self, outcome: Outcome) -> Outcome:
        """With keys for the ids of turns, once everybody's answer has come: another's may have come first."""
        if outcome.status != "accepted":
            return outcome
        return outcome._replace(touched=tuple(sorted(self.keys[cast("TurnId", one)] for one in outcome.touched)))

    def claim(self, replica: int, turn: Turn) -> Claim:
        """Records a claim, and checks that it contains nothing of another user."""
        assert {message.user_id for message in (*turn.messages, *turn.history)} == {turn.user_id}
        [key] = [message.content for message in turn.messages]
        assert self.keys.setdefault(turn.turn_id, key) == key
        self.hands[replica].turns.setdefault(key, []).append(turn)
        return Claim(key, turn.epoch, turn.attempt, tuple(message.seq for message in turn.history))


@dataclass(frozen=True, slots=True)
class World:
    """The model: sessions, which replicas are gone, and which turns hang."""

    sessions: tuple[Session, ...]
    gone: frozenset[int] = frozenset()
    hanging: frozenset[str] = frozenset()

    def change(self, place: int, session: Session) -> World:
        """The same with that session; a turn that hangs is overdue from its claim on."""
        current = leases.running(session)
        if current is not None and key_of(place, session, current) in self.hanging:
            session = leases.overdue(session, current)
        return World((*self.sessions[:place], session, *self.sessions[place + 1 :]), self.gone, self.hanging)


def key_of(place: int, session: Session, turn: int) -> str:
    """The key of the message that opened a turn."""
    return name_of(place, next(row.key for row in session.rows if row.turn == turn and row.key >= 0))


def name_of(place: int, number: int) -> str:
    """A message's key, which is also its text."""
    return f"m{place}-{number}"


def turn_of(place: int, session: Session, key: str) -> int:
    """The place of a turn in its session."""
    return next(turn for turn in range(len(session.turns)) if key_of(place, session, turn) == key)


def claim_of(place: int, session: Session, turn: int) -> Claim:
    """What the owner of a turn receives."""
    this = session.turns[turn]
    told = [
        (session.turns[row.turn].seq, row.seq)
        for row in session.rows
        if session.turns[row.turn].seq < this.seq and not row.deleted
    ]
    return Claim(key_of(place, session, turn), this.epoch, this.attempt, tuple(seq for _, seq in sorted(told)))


class Operation(Protocol):
    """One commit."""

    @property
    def places(self) -> frozenset[int]:
        """The sessions that it affects."""
        ...

    async def perform(self, reality: Reality) -> Outcome: ...

    def apply(self, world: World) -> tuple[World, Outcome]: ...


Told: TypeAlias = Callable[[World], tuple[World, Outcome]]


@dataclass(frozen=True, slots=True)
class Say:
    """T1 of a new or a repeated message."""

    replica: int
    place: int
    number: int
    strategy: Strategy = "enqueue"
    hangs: bool = False

    @property
    def places(self) -> frozenset[int]:
        return frozenset({self.place})

    async def perform(self, reality: Reality) -> Outcome:
        key, user = name_of(self.place, self.number), reality.users[self.place]
        message = InboundMessage(
            user, WEB, AgentName("assistant"), key, key, Route("web:assistant"), reality.sessions[self.place]
        )
        terms = TurnTerms(self.strategy, timeout=HANGS if self.hangs else timedelta(minutes=5), history=100)
        accepted = await reality.replicas[self.replica].turns.accept(message, terms)
        if accepted.turn_id is not None:
            reality.keys.setdefault(accepted.turn_id, key)
        claims = frozenset() if accepted.turn is None else frozenset({reality.claim(self.replica, accepted.turn)})
        seq = 0 if accepted.message is None else accepted.message.seq
        return Outcome(accepted.status, seq, claims, accepted.superseded)

    def apply(self, world: World) -> tuple[World, Outcome]:
        before = world.sessions[self.place]
        session, accepted = leases.accept(before, self.number, self.replica, self.strategy)
        if accepted.status == "rejected":
            return world, Outcome("rejected")
        seq = next(row.seq for row in session.rows if row.key == self.number)
        claims = frozenset({claim_of(self.place, session, accepted.turn)}) if accepted.claimed else frozenset()
        superseded = tuple(sorted(key_of(self.place, before, turn) for turn in accepted.superseded))
        if self.hangs and accepted.status == "accepted":
            world = World(world.sessions, world.gone, world.hanging | {name_of(self.place, self.number)})
        return world.change(self.place, session), Outcome(accepted.status, seq, claims, superseded)


@dataclass(frozen=True, slots=True)
class Finish:
    """T2 under a claim that may be old."""

    replica: int
    place: int
    turn: Turn
    key: str

    @property
    def places(self) -> frozenset[int]:
        return frozenset({self.place})

    async def perform(self, reality: Reality) -> Outcome:
        reply = Reply("completed", f"answer to {self.key}", ({"type": "text", "text": f"answer to {self.key}"},))
        try:
            finished = await reality.replicas[self.replica].turns.finish(self.turn, reply)
        except LeaseLost:
            return LOST
        assert {message.user_id for message in (finished.message, *finished.dropped)} == {self.turn.user_id}
        following = finished.next_turn
        claims = frozenset() if following is None else frozenset({reality.claim(self.replica, following)})
        dropped = tuple(sorted(message.seq for message in finished.dropped))
        return Outcome(finished.status, finished.message.seq, claims, dropped)

    def apply(self, world: World) -> tuple[World, Outcome]:
        session = world.sessions[self.place]
        turn = turn_of(self.place, session, self.key)
        session, ended = leases.finish(session, turn, self.replica, self.turn.epoch)
        if ended.status == "lost":
            return world, LOST
        this = session.turns[turn]
        asked = tuple(row.seq for row in session.rows if row.turn == turn and row.key >= 0 and row.deleted)
        claims = frozenset() if ended.following is None else frozenset({claim_of(self.place, session, ended.following)})
        assert this.reply is not None
        return world.change(self.place, session), Outcome(this.status, this.reply, claims, asked)


@dataclass(frozen=True, slots=True)
class BeginAttempt:
    """Another attempt under a claim that may be old."""

    replica: int
    place: int
    turn: Turn
    key: str

    @property
    def places(self) -> frozenset[int]:
        return frozenset({self.place})

    async def perform(self, reality: Reality) -> Outcome:
        try:
            turn = await reality.replicas[self.replica].turns.begin_attempt(self.turn)
        except LeaseLost:
            return LOST
        reality.hands[self.replica].turns[self.key].append(turn)
        return Outcome("cancelled" if turn.cancel_requested else "begun", turn.epoch, touched=(turn.attempt,))

    def apply(self, world: World) -> tuple[World, Outcome]:
        session = world.sessions[self.place]
        turn = turn_of(self.place, session, self.key)
        session, begun = leases.begin_attempt(session, turn, self.replica, self.turn.epoch)
        if begun is None:
            return world, LOST
        outcome = Outcome("cancelled" if begun.cancel else "begun", begun.epoch, touched=(begun.attempt,))
        return world.change(self.place, session), outcome


@dataclass(frozen=True, slots=True)
class Steal:
    """A sweep over all sessions. `here`: keys of turns that the replica says it runs.

    `skips`: sessions that somebody has locked at that moment, which the next sweep is for.
    """

    replica: int
    here: frozenset[str] = frozenset()
    skips: frozenset[int] = frozenset()

    @property
    def places(self) -> frozenset[int]:
        return frozenset()

    async def perform(self, reality: Reality) -> Outcome:
        names = {key: turn_id for turn_id, key in reality.keys.items()}
        running = [names[key] for key in self.here]
        stolen = await reality.replicas[self.replica].turns.steal(100, running, silence=None)
        return Outcome("swept", claims=frozenset(reality.claim(self.replica, turn) for turn in stolen))

    def apply(self, world: World) -> tuple[World, Outcome]:
        claims: set[Claim] = set()
        for place, session in enumerate(world.sessions):
            if self.replica in world.gone or place in self.skips:
                continue
            here = {turn for turn in range(len(session.turns)) if key_of(place, session, turn) in self.here}
            changed, turn = leases.steal(session, self.replica, world.gone, here)
            if turn is not None:
                claims.add(claim_of(place, changed, turn))
                world = world.change(place, changed)
        return world, Outcome("swept", claims=frozenset(claims))


@dataclass(frozen=True, slots=True)
class Release:
    """Hands a turn over, if it is the caller's."""

    replica: int
    place: int
    turn_id: TurnId
    key: str

    @property
    def places(self) -> frozenset[int]:
        return frozenset({self.place})

    async def perform(self, reality: Reality) -> Outcome:
        await reality.replicas[self.replica].turns.release([self.turn_id])
        return Outcome("told")

    def apply(self, world: World) -> tuple[World, Outcome]:
        session = world.sessions[self.place]
        if leases.running(session) != turn_of(self.place, session, self.key):
            return world, Outcome("told")
        return world.change(self.place, leases.release(session, self.replica)), Outcome("told")


@dataclass(frozen=True, slots=True)
class Cancel:
    """Marks a turn as cancelled."""

    replica: int
    place: int
    turn_id: TurnId
    key: str

    @property
    def places(self) -> frozenset[int]:
        return frozenset({self.place})

    async def perform(self, reality: Reality) -> Outcome:
        await reality.replicas[self.replica].turns.request_cancel(self.turn_id, reality.users[self.place])
        return Outcome("told")

    def apply(self, world: World) -> tuple[World, Outcome]:
        session = world.sessions[self.place]
        return world.change(self.place, leases.cancel(session, turn_of(self.place, session, self.key))), Outcome("told")
