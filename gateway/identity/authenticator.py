"""Finds the holder of a token: an API token, a visitor's pass, or a JWT of the customer's login."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import jwt

from gateway.core.live.end_listeners import EndListeners
from gateway.core.model import Principal, UserId
from gateway.core.ports.users.tokens import TokenStore, TokenWatch
from gateway.core.users.visitors import Visitors
from gateway.errors import Unauthenticated
from gateway.identity.credentials import API_TOKEN_PREFIX, digest
from gateway.identity.logins import Logins
from gateway.identity.passes import AUDIENCE, VisitorPasses

REMEMBER_S = 5.0
"""Seconds after which a revoked token stops working on every replica."""
REMEMBER_MOST = 10_000
FORGOTTEN = (0.0, None)
LONGEST_TOKEN = 8_192


class TokenAuthenticator:
    """The `Authenticator` for HTTP and WebSockets; caches API tokens for a few seconds to spare the database."""

    def __init__(
        self,
        tokens: TokenStore,
        passes: VisitorPasses,
        visitors: Visitors,
        logins: Logins,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._passes = passes
        self._visitors = visitors
        self._logins = logins
        self._clock = clock
        self._known: dict[bytes, tuple[float, Principal]] = {}
        self._forgotten = 0
        self._end_listeners: EndListeners[bytes] = EndListeners()

    @property
    def watched(self) -> tuple[bytes, ...]:
        """Digests of the API tokens with an open socket here."""
        return self._end_listeners.keys()

    def ended(self, tokens: Collection[bytes], erased: Collection[UserId]) -> None:
        """Handles tokens, and all tokens of erased users, that ended on another replica."""
        # Clears the cache first: listeners may use the token once more when they are called.
        self.forget_users(erased)
        for token in tokens:
            self.forget(token)

    async def authenticate(self, token: str, origin: str | None) -> Principal:
        """See `gateway.core.ports.users.tokens.Authenticator`."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise Unauthenticated("The token is invalid or expired.")
        if token.startswith(API_TOKEN_PREFIX):
            return await self._api_token(digest(token))
        if _audience(token) == AUDIENCE:
            return await self._visitor(token, origin)
        return await self._logins.verify(token)

    def is_signed(self, token: str) -> bool:
        """See `gateway.core.ports.users.tokens.Authenticator`."""
        if len(token) > LONGEST_TOKEN or not token.isascii() or token.startswith(API_TOKEN_PREFIX):
            return False
        try:
            signer = self._passes if _audience(token) == AUDIENCE else self._logins
        except Unauthenticated:
            return False
        return signer.has_signed(token)

    async def _visitor(self, token: str, origin: str | None) -> Principal:
        principal = self._passes.verify(token, origin)
        if not await self._visitors.is_anonymous(principal.user_id):
            raise Unauthenticated("This visitor has signed in; the visitor's token is no longer valid.")
        return principal

    def forget(self, token_digest: bytes) -> None:
        """Removes an ended token from the cache and notifies connections that use it."""
        self._known.pop(token_digest, None)
        self._forgotten += 1
        self._end_listeners.notify(token_digest)

    def forget_users(self, users: Collection[UserId]) -> None:
        """Removes these users' tokens, which have ended, from the cache."""
        if users:
            self._known = {key: known for key, known in self._known.items() if known[1].user_id not in users}
            self._forgotten += 1

    def uncache(self, token: str) -> None:
        """See `gateway.core.ports.users.tokens.Authenticator`."""
        self._known.pop(digest(token), None)

    def watch(self, token: str, ended: Callable[[], None]) -> TokenWatch:
        """See `gateway.core.ports.users.tokens.Authenticator`."""
        if not token.startswith(API_TOKEN_PREFIX):
            return UNWATCHED
        key = digest(token)
        self._end_listeners.add(key, ended)
        return ApiTokenWatch(self, self._end_listeners, key, ended)

    async def _api_token(self, key: bytes) -> Principal:
        return self.remembered(key) or await self._look_up(key)

    def remembered(self, key: bytes) -> Principal | None:
        """Returns the holder of the API token with that digest, if it was looked up within the last seconds."""
        until, principal = self._known.get(key, FORGOTTEN)
        return None if principal is None or until <= self._clock() or _ended(principal) else principal

    async def _look_up(self, key: bytes) -> Principal:
        self._known.pop(key, None)
        forgotten = self._forgotten
        found = await self._tokens.find(key)
        if found is None:
            raise Unauthenticated("The token is invalid or expired.")
        ends = None if found.remaining is None else time.monotonic() + found.remaining.total_seconds()
        principal = Principal(found.user_id, found.role, expires_at=found.expires_at, ends=ends)
        # The token may have ended while the answer was on its way here.
        if self._forgotten == forgotten:
            self._remember(key, principal)
        return principal

    def _remember(self, key: bytes, principal: Principal) -> None:
        if len(self._known) >= REMEMBER_MOST:
            self._known.clear()
        self._known[key] = (self._clock() + REMEMBER_S, principal)


@dataclass(frozen=True, slots=True)
class ApiTokenWatch:
    """`TokenWatch` of an API token, which is digested once for all messages of its connection. Thousands of sockets have one each."""

    authenticator: TokenAuthenticator
    listeners: EndListeners[bytes]
    key: bytes
    ended: Callable[[], None]

    def holder(self) -> Principal | None:
        return self.authenticator.remembered(self.key)

    def stop(self) -> None:
        self.listeners.remove(self.key, self.ended)


class NoWatch:
    """`TokenWatch` of a token whose end nobody reports."""

    def holder(self) -> Principal | None:
        return None

    def stop(self) -> None:
        return None


UNWATCHED = NoWatch()


def _ended(principal: Principal) -> bool:
    remaining = principal.remaining_s()
    return remaining is not None and remaining <= 0


def _audience(token: str) -> object:
    """Returns the audience an unverified JWT claims; it only decides which key verifies the token."""
    try:
        return jwt.decode(token, options={"verify_signature": False}).get("aud")
    except jwt.PyJWTError:
        raise Unauthenticated("The token is invalid or expired.") from None
