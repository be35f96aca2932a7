"""What the sockets of one gateway share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from channels.websocket.admission import Admission
from channels.websocket.delayed_flush import DelayedFlush
from channels.websocket.limits import SocketLimits
from channels.websocket.origin import OriginRule
from channels.websocket.server_frames import Shared
from gateway.core.intake.approvals import Approvals
from gateway.core.limits.callers import Callers
from gateway.core.limits.wrong_tokens import WrongTokenLimiter
from gateway.core.live.live_turns import LiveTurns
from gateway.core.model import AgentName
from gateway.core.ports.sessions.sessions import MessageStore, SessionStore
from gateway.core.ports.users.tokens import Authenticator
from gateway.core.service import Intake
from gateway.core.tasks.background import Background
from gateway.core.users.visitors import Visitors


@dataclass(frozen=True, slots=True)
class Parts:
    """What the channel is built with, and what its sockets share.

    `accepting`: whether messages may be accepted now; `max_frame` in bytes.
    """

    intake: Intake
    approvals: Approvals
    accepting: Callable[[], bool]
    sessions: SessionStore
    messages: MessageStore
    live: LiveTurns
    authenticator: Authenticator
    agents: Collection[AgentName]
    default_agent: AgentName
    origins: OriginRule
    limits: SocketLimits
    wrong_tokens: WrongTokenLimiter
    callers: Callers
    visitors: Visitors
    max_frame: int
    max_followed: int = 100
    """Sessions that one socket may follow."""
    hello_s: float = 5.0
    """Seconds from a socket's opening to an accepted hello, not counting its wait for admission."""
    heartbeat_s: float = 25.0
    """Seconds between pings; a peer that does not answer within half of that is disconnected."""
    tasks: Background = field(default_factory=Background)
    admission: Admission = field(default_factory=Admission)
    shared: Shared = field(default_factory=Shared)
    delayed_flush: DelayedFlush = field(default_factory=DelayedFlush)
