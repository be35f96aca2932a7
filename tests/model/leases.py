"""What the database guarantees about one session: its rows, its turns, and which replica may answer them.

Each function is one commit. A replica is a number; a turn is its index among the session's turns.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, TypeVar

Strategy = Literal["enqueue", "interrupt", "rollback", "reject"]
Status = Literal["queued", "running", "completed", "cancelled"]
T = TypeVar("T")
OPEN: frozenset[Status] = frozenset({"queued", "running"})


class Rules(NamedTuple):
    """The mechanisms that the guarantees depend on; the model is also explored without each of them."""

    deduplicates: bool = True
    """A key that is there already makes no second row."""
    fences: bool = True
    """A result is kept only for the owner and the epoch of the claim it was made under."""
    numbers_under_lock: bool = True
    """`seq` is taken from the session as it is at the commit, not as it was when the batch was put together."""
    claims_next: bool = True
    """The commit that ends a turn claims the session's next one."""
    commits_first: bool = True
    """A message is acknowledged after its commit."""
    marks_last: bool = True
    """A chunk is marked as sent after it was sent."""
    renews: bool = True
    """If a duplicate's answer contains a claim, the claim is renewed before the turn is run."""
    steals: bool = True
    """Turns of the dead are claimed again."""


class Row(NamedTuple):
    """A row of the transcript. `key`: of the user's message; -1 for a reply."""

    seq: int
    turn: int
    key: int = -1
    deleted: bool = False


class Turn(NamedTuple):
    """A turn and its lease. `due`: its deadline has passed."""

    seq: int
    status: Status
    owner: int | None
    epoch: int
    attempt: int
    due: bool = False
    cancel: bool = False
    superseded: Strategy | None = None
    reply: int | None = None


class Session(NamedTuple):
    """One session as the database holds it."""

    last_seq: int = 0
    rows: tuple[Row, ...] = ()
    turns: tuple[Turn, ...] = ()


class Accepted(NamedTuple):
    """The result of T1. `claimed`: the caller is to run the turn."""

    status: Literal["accepted", "duplicate", "rejected"]
    turn: int = -1
    claimed: bool = False
    superseded: tuple[int, ...] = ()


class Ended(NamedTuple):
    """The result of T2. `following`: the turn that the caller runs next."""

    status: Literal["finished", "again", "lost"]
    following: int | None = None


def running(session: Session) -> int | None:
    """The running turn, if any."""
    return next((place for place, turn in enumerate(session.turns) if turn.status == "running"), None)


def accept(  # noqa: PLR0917 - the caller's whole request
    session: Session,
    key: int,
    owner: int,
    strategy: Strategy = "enqueue",
    rules: Rules = Rules(),  # noqa: B008 - a value
    seq: int | None = None,
) -> tuple[Session, Accepted]:
    """T1. `seq`: the number, when it was taken before the lock; None takes it under the lock."""
    known = next((row for row in session.rows if row.key == key), None)
    if known is not None and rules.deduplicates:
        turn = session.turns[known.turn]
        return session, Accepted("duplicate", known.turn, turn.status == "running" and turn.owner == owner)
    current = running(session)
    if current is not None and strategy == "reject":
        return session, Accepted("rejected")
    session, superseded = _supersede(session, current, strategy)
    place = session.last_seq + 1 if seq is None else seq
    opened = Turn(place, "running", owner, 1, 1) if current is None else Turn(place, "queued", None, 0, 0)
    number = len(session.turns)
    session = Session(place, (*session.rows, Row(place, number, key)), (*session.turns, opened))
    return session, Accepted("accepted", number, current is None, superseded)


def _supersede(session: Session, current: int | None, strategy: Strategy) -> tuple[Session, tuple[int, ...]]:
    if current is None or strategy not in {"interrupt", "rollback"}:
        return session, ()
    hit = tuple(
        place
        for place, turn in enumerate(session.turns)
        if place >= current and turn.status in OPEN and not turn.cancel
    )
    for place in hit:
        session = _change(session, place, cancel=True, superseded=strategy)
    return session, hit


def finish(  # noqa: PLR0917 - as `accept`
    session: Session,
    place: int,
    owner: int,
    epoch: int,
    rules: Rules = Rules(),  # noqa: B008 - a value
    seq: int | None = None,
) -> tuple[Session, Ended]:
    """T2."""
    turn = session.turns[place]
    holds = turn.owner == owner and turn.epoch == epoch
    if rules.fences and (turn.status != "running" or not holds):
        if turn.reply is None or not holds:
            return session, Ended("lost")
        current = running(session)
        mine = current is not None and session.turns[current].owner == owner
        return session, Ended("again", current if mine else None)
    drops = turn.superseded == "rollback"
    reply = session.last_seq + 1 if seq is None else seq
    kept = [row._replace(deleted=drops) if row.turn == place else row for row in session.rows]
    session = Session(reply, (*kept, Row(reply, place, deleted=drops)), session.turns)
    ended: Status = "cancelled" if drops else "completed"
    session = _change(session, place, status=ended, due=False, reply=reply)
    return _claim_next(session, place, owner) if rules.claims_next else (session, Ended("finished"))


def _claim_next(session: Session, place: int, owner: int) -> tuple[Session, Ended]:
    queued = (number for number in range(place + 1, len(session.turns)) if session.turns[number].status == "queued")
    following = next(queued, None)
    if following is not None:
        session = _change(session, following, status="running", owner=owner, epoch=1, attempt=1)
    return session, Ended("finished", following)


def begin_attempt(session: Session, place: int, owner: int, epoch: int) -> tuple[Session, Turn | None]:
    """Another attempt at one of the caller's turns; None: the caller no longer owns it. Repeated, it counts once."""
    turn = session.turns[place]
    if turn.status != "running" or turn.owner != owner or turn.epoch not in {epoch, epoch + 1}:
        return session, None
    attempt = turn.attempt + (turn.epoch == epoch)
    session = _change(session, place, epoch=epoch + 1, attempt=attempt, due=False)
    return session, session.turns[place]


def steal(session: Session, owner: int, dead: Collection[int], here: Collection[int]) -> tuple[Session, int | None]:
    """Claims the running turn of a dead owner or past its deadline.

    `here`: turns that the caller still runs; it leaves them, unless another owns them.
    """
    place = running(session)
    if place is None:
        return session, None
    turn = session.turns[place]
    if (turn.owner in {owner, None} and place in here) or not (turn.owner is None or turn.owner in dead or turn.due):
        return session, None
    session = _change(session, place, owner=owner, epoch=turn.epoch + 1, attempt=turn.attempt + 1, due=False)
    return session, place


def release(session: Session, owner: int) -> Session:
    """Hands the caller's running turn over; the attempt does not count."""
    place = running(session)
    if place is None or session.turns[place].owner != owner:
        return session
    attempt = max(session.turns[place].attempt - 1, 0)
    return _change(session, place, owner=None, due=True, attempt=attempt)


def cancel(session: Session, place: int) -> Session:
    """Marks an open turn; leaves an ended one unchanged."""
    is_open = session.turns[place].status in OPEN
    return _change(session, place, cancel=True) if is_open else session


def overdue(session: Session, place: int) -> Session:
    """The deadline of a running turn passes."""
    return _change(session, place, due=True)


def _change(session: Session, place: int, **fields: object) -> Session:
    turns = list(session.turns)
    turns[place] = turns[place]._replace(**fields)  # type: ignore[arg-type] # its own fields
    return session._replace(turns=tuple(turns))
