"""JWTs of the customer's own login."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeAlias

import jwt

from gateway.core.model import Principal, UserId
from gateway.core.user_ids import UserIds
from gateway.errors import Unauthenticated
from gateway.identity.published_keys import PublishedKeys
from gateway.identity.settings import Auth

SHARED_SECRET = ("HS256",)
LEEWAY = 5
"""Seconds that the login's clock may differ from ours."""

Key: TypeAlias = "jwt.PyJWK | str"


class Logins:
    """Verifies JWTs with a shared secret or published keys.

    The algorithm is pinned: HS256 with the secret, or the algorithm that the token's key was published for. The token's own
    header only has to agree (RFC 8725, section 3.1). Raises `SettingsError` for an invalid `jwks_url`.
    """

    def __init__(self, settings: Auth, user_ids: UserIds, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._user_ids = user_ids
        self._published = None if settings.jwks_url is None else PublishedKeys(settings.jwks_url, clock)

    async def verify(self, token: str) -> Principal:
        """Raises `Unauthenticated`; `StoreUnavailable` while the login's keys can't be fetched."""
        return self._principal(token, *await self._key(token))

    def has_signed(self, token: str) -> bool:
        """Whether the token is valid by a key that is already known here; asks nobody."""
        try:
            self._principal(token, *self._known_key(token))
        except Unauthenticated:
            return False
        return True

    def _principal(self, token: str, key: Key, algorithms: Sequence[str]) -> Principal:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(algorithms),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub"], "verify_aud": self._settings.audience is not None},
            )
        except jwt.PyJWTError:
            raise Unauthenticated("The token is invalid or expired.") from None
        return Principal(subject(claims["sub"], self._user_ids), "user", expires_at=expiry(claims["exp"]))

    async def _key(self, token: str) -> tuple[Key, Sequence[str]]:
        if self._published is not None and self._settings.jwt_secret is None:
            await self._published.key(_key_id(token))
        return self._known_key(token)

    def _known_key(self, token: str) -> tuple[Key, Sequence[str]]:
        if self._settings.jwt_secret is not None:
            return self._settings.jwt_secret.get_secret_value(), SHARED_SECRET
        key = None if self._published is None else self._published.known(_key_id(token))
        if key is None:
            raise Unauthenticated("The token is invalid or expired.")
        return key, (key.algorithm_name,)


def _key_id(token: str) -> str | None:
    """Returns the key id in the token's header."""
    try:
        named = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        raise Unauthenticated("The token is invalid or expired.") from None
    return named if isinstance(named, str) else None


def expiry(claim: object) -> datetime:
    """Returns when a JWT expires (RFC 7519, section 4.1.4). Raises `Unauthenticated` for anything but a time in seconds."""
    if isinstance(claim, int | float):
        with suppress(ValueError, OverflowError, OSError):  # beyond all calendars
            return datetime.fromtimestamp(claim, UTC)
    raise Unauthenticated("The token's exp should be a number: seconds since 1970, not milliseconds.")


def subject(claim: object, user_ids: UserIds) -> UserId:
    """Returns the user that a JWT identifies. Raises `Unauthenticated` for a name that logins may not use."""
    if not isinstance(claim, str) or not user_ids.may_name_account(claim):
        raise Unauthenticated(f"The token's sub should be {user_ids.account_rule}.")
    return UserId(claim)
