"""T1, T2 and the claims between them; who is alive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, Protocol

from gateway.core.model import (
    InboundMessage,
    Message,
    OutboxItem,
    ReplicaId,
    Reply,
    Session,
    Turn,
    TurnId,
    TurnStatus,
    UserId,
)
from gateway.core.ports.agents import TurnTerms
from gateway.core.values import value

AcceptStatus = Literal["accepted", "duplicate", "rejected", "full"]


@value
class Acceptance:
    """What T1 came to.

    `rejected`: a turn is running and the agent's strategy says so; `full`: as many messages wait as may. Nothing was kept.
    `turn`: claimed by this replica and to be run here (also on a duplicate whose first acceptance died on the way).
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


@value
class Finished:
    """What T2 came to: the reply's row, the chunks to send, and the session's next turn, already claimed.

    `status`: how the turn ended, which a newer message may have decided. `dropped`: the user's messages that were taken back with the turn; then the reply is a tombstone too.
    """

    status: TurnStatus
    message: Message
    session: Session
    outbox: tuple[OutboxItem, ...]
    next_turn: Turn | None
    dropped: tuple[Message, ...] = ()
    state_refused: str | None = None
    """Why the agent's changes to the state could not be kept; the reply was, all the same."""


class TurnStore(Protocol):
    """T1, T2 and the claims between them. Every method is one round trip and one commit.

    All raise `StoreUnavailable` when nobody can say whether they happened; all may be repeated then.
    """

    async def accept(self, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        """T1. Raises `NotFound` for a named session that is missing or someone else's."""
        ...

    async def begin_attempt(self, turn: Turn, *, counts: bool = True) -> Turn:
        """Claims the turn again: for its next attempt, or (not `counts`) for more time. Raises `LeaseLost`."""
        ...

    async def finish(self, turn: Turn, reply: Reply, held: Sequence[int] = ()) -> Finished:
        """T2. `held`: items in this replica's hands for the reply's addresses; its chunks wait behind all others.

        Raises `LeaseLost` when the turn was stolen or has ended otherwise.
        """
        ...

    async def steal(self, limit: int, running: Sequence[TurnId] = (), *, silence: timedelta | None) -> Sequence[Turn]:
        """Claims turns whose owner is gone or past its deadline, across all users, or has been silent for `silence`.

        This replica's own count too, when they were claimed a while ago and are not among `running`. Nothing while
        this replica is counted dead itself.
        """
        ...

    async def release(self, turns: Sequence[TurnId]) -> None:
        """Hands turns over: any replica may claim them at once, and the attempt does not count."""
        ...

    async def request_cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        """Flags an open turn (None: an operator's request). Raises `NotFound`."""
        ...


class Replicas(Protocol):
    """Which replicas are alive, by the database's clock."""

    @property
    def replica_id(self) -> ReplicaId: ...

    async def beat(self) -> None:
        """Says that this replica lives for another TTL, and joins it at the first call."""
        ...

    async def leave(self) -> None:
        """Ends this replica's leases at once."""
        ...


class Lease(Protocol):
    """Whether this replica's leases are certainly its own, by its own clock."""

    @property
    def term(self) -> int:
        """Grows whenever the leases may have lapsed in between."""
        ...

    def alive(self) -> bool: ...
