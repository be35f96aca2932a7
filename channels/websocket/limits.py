"""Limits of messages and frames per user, over all their sockets (visitors always, others if configured), and of sockets."""

from __future__ import annotations

from channels.websocket.faults import FLOOD, HangUp
from gateway.core.intake.message_rates import MessageRates
from gateway.core.limits.rates import Rates
from gateway.core.limits.settings import Limits
from gateway.core.limits.slots import Slots
from gateway.core.model import Principal
from gateway.errors import TooManyRequests

FRAMES_PER_S = 50
FLOOD_FACTOR = 3


class _Limit:
    """The rates at which messages, and frames of any kind, become a flood."""

    def __init__(self, messages_per_minute: int) -> None:
        self.attempts = Rates(FLOOD_FACTOR * messages_per_minute)
        self.frames = Rates(60 * FRAMES_PER_S, burst=2 * FRAMES_PER_S)


class SocketLimits:
    """Counts by user."""

    def __init__(self, limits: Limits, messages: MessageRates) -> None:
        self._messages = messages
        self._visitors = _limit(limits.visitor_messages_per_minute)
        self._others = _limit(limits.token_messages_per_minute)
        self._visitor_sockets = Slots(limits.sockets_per_visitor, "limits.sockets_per_visitor")
        self._other_sockets = Slots(limits.sockets_per_user, "limits.sockets_per_user")

    def take_socket(self, principal: Principal) -> None:
        """Counts a user's socket until `release_socket`. Raises `TooManyRequests` if they have too many."""
        self._sockets_of(principal).take(principal.user_id)

    def release_socket(self, principal: Principal) -> None:
        """The user's socket has ended."""
        self._sockets_of(principal).release(principal.user_id)

    def frame(self, principal: Principal) -> None:
        """Call before each frame. Raises `HangUp`."""
        limit = self._of(principal)
        if limit is not None and limit.frames.take(principal.user_id):
            raise _flood()

    def message(self, principal: Principal) -> None:
        """Call before each message. Raises `TooManyRequests`, or `HangUp` for a client that ignores it."""
        limit = self._of(principal)
        if limit is not None and limit.attempts.take(principal.user_id):
            raise _flood()
        self._messages.check(principal.user_id)

    def _sockets_of(self, principal: Principal) -> Slots:
        return self._visitor_sockets if principal.role == "visitor" else self._other_sockets

    def _of(self, principal: Principal) -> _Limit | None:
        return self._visitors if principal.role == "visitor" else self._others


def _limit(per_minute: int | None) -> _Limit | None:
    return None if per_minute is None else _Limit(per_minute)


def _flood() -> HangUp:
    return HangUp(FLOOD, TooManyRequests("Too many messages. Wait a minute before you reconnect.", 60))
