"""What the HTTP API is built from; `gateway.app` fills it in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.api.settings import ApiSettings
from gateway.core.intake.approvals import Approvals
from gateway.core.intake.editing import Editing
from gateway.core.intake.message_rates import MessageRates
from gateway.core.limits.addresses import AddressRule
from gateway.core.limits.callers import Callers
from gateway.core.limits.fair_slots import FairSlots
from gateway.core.limits.rates import Rates
from gateway.core.limits.slots import Slots
from gateway.core.limits.wrong_tokens import WrongTokenLimiter
from gateway.core.live.announcer import Announcer
from gateway.core.live.live_turns import LiveTurns
from gateway.core.model import AgentName, ChannelName, Principal, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.schedules import ScheduleId, ScheduleStore, Trigger
from gateway.core.ports.sessions.changes import SessionChanges
from gateway.core.ports.sessions.exports import ExportStore
from gateway.core.ports.sessions.external_keys import ExternalKeys
from gateway.core.ports.sessions.imported_transcripts import ImportedTranscripts
from gateway.core.ports.sessions.search import SearchStore
from gateway.core.ports.sessions.sessions import MessageStore, SessionStore
from gateway.core.ports.sessions.state import SnapshotStore, StateStore
from gateway.core.ports.turn_log import TurnLog
from gateway.core.ports.turns import Acceptance
from gateway.core.ports.usage import UsageStore
from gateway.core.ports.users.tokens import TokenStore
from gateway.core.ports.webhooks import Webhook
from gateway.core.service import Intake
from gateway.core.state.snapshots import Restorer
from gateway.core.titles.titling import Titler
from gateway.core.user_ids import UserIds
from gateway.core.users.erasure import Erasure
from gateway.core.users.links import Links
from gateway.core.users.visitors import Visitors
from gateway.errors import InvalidInput, NotFound
from gateway.identity.authenticator import TokenAuthenticator

STALLED_S = 30.0
FirstFire = Callable[[Trigger, str, datetime], datetime | None]
"""Returns when a trigger first fires after a moment, in a time zone; None for never. Raises `InvalidInput`."""

OriginAllowed = Callable[[str | None, str], bool]
"""Whether pages of an origin may call, given the request's Host; the same rule as the WebSocket's."""

RunNow = Callable[[ScheduleId, UserId | None], Awaitable[Acceptance]]
"""Fires a schedule immediately, even if its caller disconnects in the meantime. Raises `NotFound`."""


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """An agent as shown to users."""

    name: AgentName
    kind: str
    description: str | None
    terms: TurnTerms


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; `detail` tells the operator what is missing."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the gateway can serve, condition by condition."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Everything the routes use."""

    settings: ApiSettings
    origin_allowed: OriginAllowed
    secret_key: bytes
    authenticator: TokenAuthenticator
    wrong_tokens: WrongTokenLimiter
    callers: Callers
    message_rates: MessageRates
    intake: Intake
    approvals: Approvals
    announcer: Announcer
    sessions: SessionStore
    session_changes: SessionChanges
    titler: Titler
    turn_log: TurnLog
    usage: UsageStore
    exports: ExportStore
    erasure: Erasure
    messages: MessageStore
    external_keys: ExternalKeys
    live: LiveTurns
    imported_transcripts: ImportedTranscripts
    search: SearchStore
    editing: Editing
    states: StateStore
    snapshots: SnapshotStore
    restorer: Restorer
    schedules: ScheduleStore
    tokens: TokenStore
    user_ids: UserIds
    links: Links
    visitors: Visitors
    agents: tuple[AgentInfo, ...]
    channels: tuple[ChannelName, ...]
    first_fire: FirstFire
    run_schedule: RunNow
    schedule_changed: Callable[[], None]
    readiness: Callable[[], Awaitable[Readiness]]
    measure: Callable[[], Awaitable[None]]
    sockets: Handler
    webhooks: Sequence[Webhook]
    static_dir: Path
    clock: Callable[[], float] = time.monotonic
    stalled_s: float = STALLED_S
    """Seconds that a peer may leave sent data unread before it is disconnected; a turn continues."""

    def agent_asked_for(self, name: str | None) -> AgentName:
        """Returns the agent that a body names, or the default one. Raises `InvalidInput`."""
        known = [agent.name for agent in self.agents]
        chosen = AgentName(name or self.settings.default_agent)
        if chosen not in known:
            raise InvalidInput(f"agent_name is {chosen!r}; it should be one of: {', '.join(known)}.")
        return chosen

    def channel_asked_for(self, name: ChannelName | None) -> ChannelName | None:
        """Returns the channel that filters a list. Raises `InvalidInput`."""
        if name is not None and name not in self.channels:
            raise InvalidInput(f"channel is {name!r}; it should be one of: {', '.join(self.channels)}.")
        return name

    def agent(self, name: str) -> AgentInfo:
        """Raises `NotFound`."""
        for agent in self.agents:
            if agent.name == name:
                return agent
        raise NotFound("There is no such agent.")


@dataclass(frozen=True, slots=True)
class ApiRates:
    """The rate limits of this gateway's HTTP API; None is no limit.

    By address: `sign_ins`, `visitors`, `address_requests`, `address_streams`; the others by user. `addresses`: which
    address counts.
    """

    addresses: AddressRule
    sign_ins: Rates | None
    visitors: Rates | None
    visitor_requests: Rates | None
    token_requests: Rates | None
    address_requests: Rates | None
    user_reads: FairSlots
    operator_reads: FairSlots
    user_streams: Slots
    address_streams: Slots


PARTS = web.AppKey("parts", ApiParts)
RATES = web.AppKey("rates", ApiRates)
PUBLIC = web.AppKey("public", frozenset[str])
"""The paths that need no token."""
PRINCIPAL = web.RequestKey("principal", Principal)


def parts_of(request: web.Request) -> ApiParts:
    """Returns the parts that the application was built from."""
    return request.config_dict[PARTS]


def principal_of(request: web.Request) -> Principal:
    """Returns the caller; the authentication middleware has set it."""
    return request[PRINCIPAL]


def acting_user(request: web.Request) -> UserId | None:
    """Whose objects may be used: the caller's own; None: everyone's, for an operator."""
    principal = principal_of(request)
    return None if principal.role == "operator" else principal.user_id
