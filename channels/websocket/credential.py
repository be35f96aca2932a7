"""The token of one socket: whose it is, what the socket holds for that user, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from channels.websocket.client_frames import Send
from channels.websocket.faults import FLOOD, ORIGIN, RESTARTING, UNAUTHENTICATED, HangUp
from channels.websocket.parts import Parts
from gateway.core.model import Principal
from gateway.core.ports.users.tokens import TokenWatch
from gateway.errors import Forbidden, StoreUnavailable, TooManyRequests, Unauthenticated


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a socket comes from. `origin`: of the page, if any; `address`: the one that limits count by."""

    origin: str | None
    address: str


class Credential:
    """Calls `over` with the reason once the token is no longer valid. All faults are raised as `HangUp`."""

    __slots__ = ("_caller", "_expiry", "_forget_visitor", "_over", "_parts", "_slot_of", "_token", "_watch")

    def __init__(self, caller: Caller, parts: Parts, over: Callable[[str], None]) -> None:
        self._caller = caller
        self._parts = parts
        self._over = over
        self._token = ""
        self._watch: TokenWatch | None = None
        self._slot_of: Principal | None = None
        self._forget_visitor: Callable[[], None] | None = None
        self._expiry: asyncio.TimerHandle | None = None

    async def present(self, token: str) -> Principal:
        """Returns the holder of the token in a hello, which replaces an earlier one."""
        try:
            principal = await self._authenticated(token)
        except StoreUnavailable as error:
            # A close with 4401 would make the client discard its valid token.
            raise HangUp(RESTARTING, error) from None
        self._token = token
        self._stop_watching()
        self._watch = self._parts.authenticator.watch(token, self._ended)
        return principal

    def hold(self, principal: Principal) -> None:
        """Takes one of the user's sockets, and hangs up when the token expires or the visitor is identified."""
        self._release_slot()
        try:
            self._parts.limits.take_socket(principal)
        except TooManyRequests as error:
            raise HangUp(FLOOD, error) from None
        self._slot_of = principal
        if principal.role == "visitor":
            self._forget_visitor = self._parts.visitors.on_identified(principal.user_id, self._identified)
        self._expire(principal)

    async def check(self, send: Send | None) -> None:
        """Checks that the token is still valid: it may have been revoked, which the authenticator knows within seconds."""
        if send is not None and send.command is not None and send.command.outlives_token:
            self._parts.authenticator.uncache(self._token)
        principal = None if self._watch is None else self._watch.holder()
        if principal is None:
            principal = await self._known()
        if principal.role == "visitor":
            self._parts.callers.note(principal.user_id, self._caller.address)

    def release(self) -> None:
        """The socket has ended."""
        self._release_slot()
        self._stop_watching()
        self._stop_expiring()

    async def _authenticated(self, token: str) -> Principal:
        try:
            with self._parts.wrong_tokens.counted(self._caller.address, token, self._parts.authenticator.is_signed):
                return await self._parts.authenticator.authenticate(token, self._caller.origin)
        except TooManyRequests as error:
            raise HangUp(FLOOD, error) from None
        except Unauthenticated as error:
            raise HangUp(UNAUTHENTICATED, error) from None
        except Forbidden as error:
            raise HangUp(ORIGIN, error) from None

    async def _known(self) -> Principal:
        """The holder of the hello's token, which was counted as a guess then, and is not counted twice."""
        try:
            return await self._parts.authenticator.authenticate(self._token, self._caller.origin)
        except Unauthenticated as error:
            raise HangUp(UNAUTHENTICATED, error) from None
        except Forbidden as error:
            raise HangUp(ORIGIN, error) from None

    def _identified(self) -> None:
        self._over("This visitor has signed in. Reconnect with the new token.")

    def _ended(self) -> None:
        """The API token was revoked, has expired, or was removed with its user."""
        self._over("The token is no longer valid. Reconnect with a valid one.")

    def _expired(self) -> None:
        self._over("The token has expired.")

    def _expire(self, principal: Principal) -> None:
        self._stop_expiring()
        if (left := principal.remaining_s()) is not None:
            self._expiry = asyncio.get_running_loop().call_later(max(left, 0), self._expired)

    def _stop_expiring(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def _release_slot(self) -> None:
        if self._slot_of is not None:
            self._parts.limits.release_socket(self._slot_of)
            self._slot_of = None
        if self._forget_visitor is not None:
            self._forget_visitor()
            self._forget_visitor = None
