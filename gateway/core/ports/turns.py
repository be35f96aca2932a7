"""T1, T2 and the claims between them; which replicas are alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, Protocol, Self

from gateway.core.events import ApprovalRequest
from gateway.core.inbound import InboundMessage
from gateway.core.model import ApprovalId, Approvers, Message, ReplicaId, Session, Turn, TurnId, TurnStatus, UserId
from gateway.core.outbound import OutboxItem, Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.values import value

AcceptStatus = Literal["accepted", "duplicate", "rejected", "full"]


@value
class Acceptance:
    """The result of T1.

    `rejected`: a turn is running and the agent's strategy refuses messages; `full`: the queue is full. Nothing was stored.
    `turn`: claimed by this replica and to be run here (also for a duplicate whose first acceptance was interrupted by a crash).
    `superseded`: open turns that this message cancelled.
    """

    status: AcceptStatus
    session: Session | None = None
    message: Message | None = None
    turn_id: TurnId | None = None
    turn_status: TurnStatus = "queued"
    attempt: int = 0
    turn: Turn | None = None
    session_is_new: bool = False
    superseded: tuple[TurnId, ...] = ()
    question: Message | None = None
    """The row of the question that this message answers; its turn continues on any replica."""


@value
class Finished:
    """The result of T2: the reply's row, the chunks to send, and the session's next turn, already claimed.

    `status`: how the turn ended, which a newer message may have decided; or `waiting`: the message is its question. `dropped`: the
    messages that were taken back with the turn (the reply is a tombstone then, too), and a question that was closed with it.
    """

    status: TurnStatus
    message: Message
    session: Session
    outbox: tuple[OutboxItem, ...]
    next_turn: Turn | None
    dropped: tuple[Message, ...] = ()
    state_refused: str | None = None
    """Why the agent's changes to the state could not be stored; the reply was stored all the same."""


@value
class Question:
    """What an agent asks. `reply`: its row and its chunks."""

    approval_id: ApprovalId
    request: ApprovalRequest
    approvers: Approvers
    reply: Reply


class TurnStore(Protocol):
    """T1, T2 and the claims between them. Every method is one round trip and one commit.

    All raise `StoreUnavailable` if it is unknown whether they happened; all may be repeated then.
    """

    async def accept(self, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        """T1. Raises `NotFound` for a named session that is missing or someone else's."""
        ...

    async def begin_attempt(self, turn: Turn, *, counts: bool = True) -> Turn:
        """Claims the turn again: for its next attempt, or (not `counts`) to renew its lease. Raises `LeaseLost`."""
        ...

    async def finish(self, turn: Turn, reply: Reply, held: Sequence[int] = ()) -> Finished:
        """T2. `held`: items this replica holds for the reply's addresses; the reply's chunks wait behind all others.

        Raises `LeaseLost` if another replica has claimed the turn or it has ended otherwise.
        """
        ...

    async def ask(self, turn: Turn, question: Question, held: Sequence[int] = ()) -> Finished | None:
        """T2 of a turn that asks: it waits, owned by nobody, until the question is answered. `held`: as in `finish`.

        Returns None if the turn is to be cancelled; nothing was stored then. Raises `LeaseLost`.
        """
        ...

    async def steal(self, limit: int, running: Sequence[TurnId] = (), *, silence: timedelta | None) -> Sequence[Turn]:
        """Claims turns of all users whose owner is dead, past its deadline, or has been silent for `silence`.

        Includes this replica's own turns that were claimed a while ago and are not among `running`. Claims nothing while
        this replica itself counts as dead.
        """
        ...

    async def release(self, turns: Sequence[TurnId]) -> None:
        """Hands turns over: any replica may claim them immediately, and the attempt does not count."""
        ...

    async def request_cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        """Flags an open turn for cancellation (None: requested by an operator). Raises `NotFound`."""
        ...


class Replicas(Protocol):
    """Which replicas are alive, by the database's clock."""

    @property
    def replica_id(self) -> ReplicaId: ...

    async def beat(self) -> None:
        """Reports that this replica is alive for another TTL; the first call registers it."""
        ...

    async def leave(self) -> None:
        """Ends this replica's leases immediately."""
        ...


class Lease(Protocol):
    """Whether this replica's leases are certainly its own, by its own clock."""

    @property
    def term(self) -> int:
        """Grows whenever the leases may have lapsed in between."""
        ...

    def alive(self) -> bool: ...


@value
class Tenure:
    """One term of the lease. Take it before asking the store for work: what the store then gives is ours while `holds()` says so."""

    lease: Lease
    term: int

    @classmethod
    def of(cls, lease: Lease) -> Self:
        """The current one."""
        return cls(lease, lease.term)

    def holds(self) -> bool:
        """Whether the lease certainly has not lapsed since."""
        return self.lease.alive() and self.lease.term == self.term
