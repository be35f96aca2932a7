"""The seams: what the core needs from the edges. Each edge is built in `gateway.app` and passed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

from gateway.core.events import AgentEvent, LiveEvent
from gateway.core.model import (
    Address,
    AgentName,
    ChannelName,
    Chunk,
    InboundMessage,
    JsonObject,
    Message,
    MessageId,
    MultitaskStrategy,
    OutboxItem,
    Principal,
    ReplicaId,
    Reply,
    Route,
    Session,
    SessionId,
    Turn,
    TurnId,
    TurnStatus,
    UserId,
)


class Agent(Protocol):
    """Something that answers. Calling it twice for one turn must be harmless: `turn.turn_id` is the idempotency key."""

    def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        """Yields the answer as it comes. Raises `AgentError`; anything else counts as a retryable one."""
        ...


@runtime_checkable
class Closing(Protocol):
    """An agent that holds something open, such as connections."""

    async def aclose(self) -> None:
        """Called once, when the gateway stops."""
        ...


class Channel(Protocol):
    """A network that replies are pushed to. A WebSocket needs none of this: its client reads rows by `seq`."""

    @property
    def name(self) -> ChannelName: ...

    def render(self, content: str) -> Sequence[Chunk]:
        """Splits and formats a reply; pure. At least one chunk for any text."""
        ...

    async def deliver(self, address: Address, chunk: Chunk) -> None:
        """Sends one chunk. Raises `DeliveryRefused`, `DeliveryDeferred` or `DeliveryUnknown`."""
        ...

    async def typing(self, address: Address) -> None:
        """Shows that an answer is being written, for about five seconds; never raises `DeliveryError`."""
        ...


class Authenticator(Protocol):
    """Turns a token into who holds it."""

    async def authenticate(self, token: str, origin: str | None) -> Principal:
        """Raises `Unauthenticated`, or `Forbidden` when a visitor's token comes from another origin than its own."""
        ...


class EventBus(Protocol):
    """Live events within a cluster; in-process here, a broker's elsewhere. Losing an event must be harmless."""

    def publish(self, topic: str, event: LiveEvent) -> None:
        """Hands the event to every subscriber of the topic, at once and in order."""
        ...

    def subscribe(self, topic: str, sink: Callable[[LiveEvent], None]) -> Callable[[], None]:
        """Calls `sink`, which must not block, for each event; the answer unsubscribes."""
        ...

    def topics(self) -> Sequence[str]:
        """The topics somebody subscribes to now."""
        ...


def session_topic(session_id: SessionId) -> str:
    """News of one session's rows and turns."""
    return f"session:{session_id}"


def user_topic(user_id: UserId) -> str:
    """News of a user's list of sessions."""
    return f"user:{user_id}"


# Turns ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnTerms:
    """How an agent's turns are run: what the store needs to know of it."""

    strategy: MultitaskStrategy = "enqueue"
    collect: bool = False
    timeout: timedelta = timedelta(seconds=300)
    history: int = 20
    """How many earlier turns the agent gets to see."""


AcceptStatus = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What T1 came to. `rejected`: a turn is running and the agent's strategy says so; nothing was kept.

    `turn`: claimed by this replica and to be run here (also on a duplicate whose first acceptance died on the way).
    """

    status: AcceptStatus
    session: Session | None = None
    message: Message | None = None
    turn_id: TurnId | None = None
    turn_status: TurnStatus = "queued"
    attempt: int = 0
    turn: Turn | None = None
    session_is_new: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """What T2 came to: the reply's row, the chunks to send, and the session's next turn, already claimed."""

    message: Message
    session: Session
    outbox: tuple[OutboxItem, ...]
    next_turn: Turn | None


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

    async def finish(self, turn: Turn, reply: Reply) -> Finished:
        """T2. Raises `LeaseLost` when the turn was stolen or has ended otherwise."""
        ...

    async def steal(self, limit: int, running: Sequence[TurnId] = ()) -> Sequence[Turn]:
        """Claims turns whose owner is dead or past its deadline, across all users.

        This replica's own count too, when they were claimed a while ago and are not among `running`.
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


# Sessions, messages ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions to list. `user_id` None: all users' (an operator)."""

    user_id: UserId | None
    channel: ChannelName | None = None
    agent: AgentName | None = None
    active: bool | None = None
    limit: int = 50
    offset: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Latest activity first. `total` is None on pages asked for by cursor."""

    sessions: tuple[Session, ...]
    total: int | None
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Ascending by `seq`. `next_before_id` is None on the oldest page."""

    messages: tuple[Message, ...]
    next_before_id: MessageId | None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session made on request, before any message."""

    user_id: UserId
    channel: ChannelName
    agent: AgentName
    route: Route
    title: str | None = None
    metadata: JsonObject | None = None


class SessionStore(Protocol):
    """Reads and changes of sessions. `user_id` None acts for an operator; otherwise someone else's raises `NotFound`."""

    async def list(self, wanted: SessionFilter) -> SessionPage:
        """Raises `InvalidInput` for a cursor that is not one of ours."""
        ...

    async def get(self, session_id: SessionId, user_id: UserId | None) -> Session: ...

    async def resumable(self, user_id: UserId, route: Route) -> Session | None:
        """The current session of the route, if it is active and within the resume window."""
        ...

    async def create(self, new: NewSession) -> Session: ...

    async def rename(self, session_id: SessionId, user_id: UserId | None, title: str) -> Session:
        """Sets the user's own title, which is never overwritten."""
        ...

    async def end_current(self, user_id: UserId, route: Route, session_id: SessionId | None) -> Session | None:
        """Ends the named session, or else the route's current one; the next message on the route begins a new one."""
        ...

    async def set_active(self, session_id: SessionId, user_id: UserId | None, *, active: bool) -> Session:
        """Ends a session, or opens it again."""
        ...

    async def delete(self, session_id: SessionId, user_id: UserId | None) -> Session:
        """Removes the session and everything in it; answers what it was."""
        ...

    async def latest(self, user_id: UserId, agent: AgentName) -> Session | None:
        """The latest session of user and agent, on any channel, that is active and within the resume window."""
        ...

    async def open_turns(self, session_id: SessionId, user_id: UserId | None) -> Sequence[TurnId]:
        """Queued and running turns, oldest first."""
        ...

    async def current(self, user_id: UserId, route: Route) -> Session | None:
        """The current session of the route, whatever its age."""
        ...


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """How a turn ended: `completed`, `failed` (the reply is an apology) or `cancelled`, and its one reply."""

    status: TurnStatus
    reply: Message


class MessageStore(Protocol):
    """Reads of the transcript."""

    async def page(
        self, session_id: SessionId, user_id: UserId | None, limit: int, before_id: MessageId | None
    ) -> MessagePage:
        """Raises `NotFound`; `InvalidInput` for a `before_id` that is not of this session."""
        ...

    async def after(self, session_id: SessionId, user_id: UserId | None, seq: int, limit: int) -> Sequence[Message]:
        """Rows with a greater `seq`, ascending."""
        ...

    async def outcome(self, turn_id: TurnId, user_id: UserId | None) -> TurnOutcome | None:
        """What a turn came to, once it has ended."""
        ...


# Following ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Followed:
    """What a replica's sockets follow, and what they know already."""

    sessions: tuple[SessionId, ...]
    users: tuple[UserId, ...]
    since: datetime | None
    running: tuple[TurnId, ...]
    """Turns running on this replica, to learn of cancels asked for elsewhere."""


@dataclass(frozen=True, slots=True)
class TurnNews:
    """The status of a session's latest open or just ended turn, whoever runs it."""

    session_id: SessionId
    user_id: UserId
    turn_id: TurnId
    status: TurnStatus
    attempt: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed among the followed since the last look."""

    now: datetime
    last_seqs: tuple[tuple[SessionId, int], ...]
    sessions: tuple[Session, ...]
    turns: tuple[TurnNews, ...]
    cancelled: tuple[TurnId, ...]


class ChangeFeed(Protocol):
    """One query per replica and look, for all followed sessions."""

    async def changes(self, followed: Followed) -> Changes: ...


# Outbox ---------------------------------------------------------------------------------------------------------------


class OutboxStore(Protocol):
    """The record of chunks on their way."""

    async def mark(self, sent: Sequence[int], dead: Sequence[tuple[int, str]]) -> None:
        """T3: batched, asynchronous commit. `dead`: item and the reason why it will never be delivered."""
        ...

    async def bury(self, address: Address, reason: str) -> Sequence[int]:
        """Marks everything unsent for an address as dead; answers which items."""
        ...

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        """Which of these are unsent and still this replica's."""
        ...

    async def steal(self, limit: int) -> Sequence[OutboxItem]:
        """Takes over unsent items of dead owners, in order."""
        ...


# Schedules ------------------------------------------------------------------------------------------------------------

ScheduleId = UUID


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """Five-field crontab expression, 0 or 7 = Sunday, day of month OR day of week as cron does."""

    expression: str


@dataclass(frozen=True, slots=True)
class IntervalTrigger:
    """Every `seconds`, first one interval after it was set."""

    seconds: int


@dataclass(frozen=True, slots=True)
class OnceTrigger:
    """Once, at that time."""

    at: datetime


Trigger = CronTrigger | IntervalTrigger | OnceTrigger


@dataclass(frozen=True, slots=True)
class Schedule:
    """A prompt that runs by itself. `next_fire_at` None: it will not fire again."""

    id: ScheduleId
    user_id: UserId
    name: str
    agent_name: AgentName
    prompt: str
    trigger: Trigger
    timezone: str
    deliver_to: tuple[Address, ...]
    is_active: bool
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule to be made; `next_fire_at` computed by the scheduler's pure part."""

    user_id: UserId
    name: str
    agent_name: AgentName
    prompt: str
    trigger: Trigger
    timezone: str
    deliver_to: tuple[Address, ...]
    is_active: bool
    next_fire_at: datetime | None


class ScheduleStore(Protocol):
    """Schedules and their firing. `user_id` None acts for an operator."""

    async def create(self, new: NewSchedule) -> Schedule: ...

    async def list(self, user_id: UserId | None) -> Sequence[Schedule]: ...

    async def get(self, schedule_id: ScheduleId, user_id: UserId | None) -> Schedule:
        """Raises `NotFound`."""
        ...

    async def due(self, limit: int) -> tuple[datetime, Sequence[Schedule]]:
        """The database's now, and active schedules with `next_fire_at` at or before it, of all users."""
        ...

    async def fire(
        self, schedule: Schedule, next_fire_at: datetime | None, message: InboundMessage, terms: TurnTerms
    ) -> Acceptance | None:
        """Moves `next_fire_at` on from the value in `schedule` and accepts the message, in one transaction.

        None: another replica did it already, or the schedule changed meanwhile.
        """
        ...

    async def run_now(self, schedule: Schedule, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        """Accepts the message of a run outside its times; `next_fire_at` stays."""
        ...

    async def set_active(
        self, schedule_id: ScheduleId, user_id: UserId | None, *, active: bool, next_fire_at: datetime | None
    ) -> Schedule:
        """Pauses a schedule, or resumes it at `next_fire_at`. Raises `NotFound`."""
        ...

    async def delete(self, schedule_id: ScheduleId, user_id: UserId | None) -> None:
        """Raises `NotFound`. The sessions of its runs stay."""
        ...

    async def next_due_at(self) -> datetime | None:
        """When the next active schedule of anybody fires."""
        ...


# Leases and quarantine of the polling channels ------------------------------------------------------------------------


class PollLeases(Protocol):
    """At most one replica polls each account (a bot) at a time; it fails over when its holder dies."""

    async def hold(self, account: str) -> bool:
        """Takes or renews the lease for this replica; False while another live replica holds it."""
        ...

    async def give_up(self, account: str) -> None: ...


class Quarantine(Protocol):
    """Where what cannot be understood is kept for a look, so that it blocks nobody."""

    async def keep(self, account: str, key: str, raw: str, reason: str) -> None:
        """Keeps it once per (account, key)."""
        ...


# Tokens ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token as listed; the token itself is known to its holder only."""

    id: UUID
    user_id: UserId
    name: str | None
    role: Literal["user", "operator"]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenStore(Protocol):
    """API tokens by their SHA-256, and one-time sign-in codes."""

    async def create(
        self,
        user_id: UserId,
        digest: bytes,
        name: str | None,
        role: Literal["user", "operator"],
        expires_at: datetime | None,
    ) -> ApiToken: ...

    async def find(self, digest: bytes) -> ApiToken | None:
        """The token, if it is neither revoked nor expired by the database's clock; notes its use (at most once a minute)."""
        ...

    async def list(self, user_id: UserId | None) -> Sequence[ApiToken]: ...

    async def revoke(self, token_id: UUID, user_id: UserId | None) -> bytes:
        """Ends a token; answers its digest. Raises `NotFound`."""
        ...

    async def add_code(self, digest: bytes, user_id: UserId, role: Literal["user", "operator"], ttl: timedelta) -> None:
        """Keeps a one-time sign-in code."""
        ...

    async def redeem_code(self, digest: bytes) -> tuple[UserId, Literal["user", "operator"]] | None:
        """Uses the code up; None when unknown, used or expired."""
        ...
