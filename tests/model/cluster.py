"""Replicas that work on sessions, with statements and answers in transit."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from tests.model import leases
from tests.model.leases import Session, Strategy

Life = Literal["up", "frozen", "dead"]
Kind = Literal["accept", "finish", "begin"]
KINDS: tuple[Kind, ...] = ("accept", "finish", "begin")
KEYS_EACH = 100
"""Keys of session s begin at this many times s, so that a row shows whose message it holds."""


class Bounds(NamedTuple):
    """How much is explored. `incidents`: the total of kills, freezes, lost answers, hung or failing agents, and drains."""

    sessions: int = 1
    messages: int = 2
    replicas: int = 2
    incidents: int = 1
    strategy: Strategy = "enqueue"
    cancels: int = 0
    pushes: bool = False
    """Replies go through the outbox to a network as well."""


class Call(NamedTuple):
    """An item of a batch. `subject`: the message's key, or the turn. `seq`: set when it is taken before the commit."""

    kind: Kind
    session: int
    subject: int
    epoch: int = 0
    seq: int | None = None


class Answer(NamedTuple):
    """An item's result. `turn`: for the caller to run, or None. `epoch`: of that claim. `repeated`: of a duplicate."""

    call: Call
    kept: bool
    turn: int | None = None
    epoch: int = 0
    repeated: bool = False


class Task(NamedTuple):
    """A claimed turn in a replica's hands.

    `stale`: the claim may be out of date, so it is renewed before the run. `newer`: the epoch of a later claim, which waits
    for the end of this one.
    """

    session: int
    turn: int
    epoch: int
    stale: bool = False
    called: bool = False
    newer: int = 0


class Chunk(NamedTuple):
    """A part of a reply in the outbox."""

    turn: int
    owner: int | None
    sent: bool = False


Batch: TypeAlias = "tuple[Call, ...]"


class Replica(NamedTuple):
    """A replica's knowledge, and what is in transit between it and the database."""

    life: Life = "up"
    expired: bool = False
    tasks: frozenset[Task] = frozenset()
    waiting: Batch = ()
    flying: tuple[Batch, ...] = ()
    answers: tuple[tuple[Answer, ...], ...] = ()
    sending: tuple[tuple[int, int, bool], ...] = ()
    """Chunks in hand: session, turn, and whether it was sent."""


class State(NamedTuple):
    """The whole state. For each session: rows and leases, acknowledged messages, agent calls by turn, chunks, deliveries."""

    sessions: tuple[Session, ...]
    replicas: tuple[Replica, ...]
    acked: tuple[int, ...]
    calls: tuple[tuple[int, ...], ...]
    chunks: tuple[tuple[Chunk, ...], ...]
    delivered: tuple[tuple[int, ...], ...]
    incidents: int = 0
    cancels: int = 0
    overtaken: int = 0
    """Claims that had passed on before their replica heard of them: each costs a call in vain, and no more."""


Label: TypeAlias = "tuple[object, ...]"
"""Who did what to whom; put into words only for a trail."""
Step: TypeAlias = "tuple[Label, State]"


def start(bounds: Bounds) -> State:
    """No message was sent yet."""
    each = bounds.sessions
    return State(
        (Session(),) * each, (Replica(),) * bounds.replicas, (0,) * each, ((),) * each, ((),) * each, ((),) * each
    )


def done(state: State, bounds: Bounds) -> bool:
    """Every message was sent, acknowledged, answered and delivered."""
    return all(
        state.acked[number] == bounds.messages
        and all(turn.status not in leases.OPEN for turn in session.turns)
        and all(chunk.sent for chunk in state.chunks[number])
        for number, session in enumerate(state.sessions)
    )


def put(things: tuple[leases.T, ...], place: int, thing: leases.T) -> tuple[leases.T, ...]:
    """The same with another item at that index."""
    return (*things[:place], thing, *things[place + 1 :])


def with_replica(state: State, number: int, replica: Replica) -> State:
    return state._replace(replicas=put(state.replicas, number, replica))


def is_held(state: State, number: int, session: int, turn: int, epoch: int) -> bool:
    lease = state.sessions[session].turns[turn]
    return (lease.status, lease.owner, lease.epoch) == ("running", number, epoch)
