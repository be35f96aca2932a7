"""JWTs of the customer's own login."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TypeAlias

import jwt

from gateway.config import Auth
from gateway.core.model import Principal, UserId
from gateway.errors import SettingsError, StoreUnavailable, Unauthenticated

RESERVED = ("telegram:", "visitor:")
"""How the gateway names users who have no account; a login may not speak for them."""
SHARED_SECRET = ("HS256",)
PUBLIC_KEYS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LONGEST_SUBJECT = 255
FETCH_TIMEOUT_S = 5
LEEWAY = 5
"""Seconds that the login's clock may differ from ours."""

Key: TypeAlias = "jwt.PyJWK | str"


class Logins:
    """Checks JWTs against a shared secret or published keys; the algorithm is pinned by which of them is set."""

    def __init__(self, settings: Auth) -> None:
        self._settings = settings
        self._published = None if settings.jwks_url is None else _published(settings.jwks_url)

    async def verify(self, token: str) -> Principal:
        """Raises `Unauthenticated`; `StoreUnavailable` while the login's keys can't be fetched."""
        key, algorithms = await self._key(token)
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
            raise Unauthenticated("The token is not valid, or no longer.") from None
        return Principal(subject(claims["sub"]), "user", expires_at=datetime.fromtimestamp(claims["exp"], UTC))

    async def _key(self, token: str) -> tuple[Key, tuple[str, ...]]:
        if self._settings.jwt_secret is not None:
            return self._settings.jwt_secret.get_secret_value(), SHARED_SECRET
        if self._published is None:
            raise Unauthenticated("The token is not valid, or no longer.")
        try:
            # It blocks on the network when its keys are old, so it gets a thread of its own.
            return await asyncio.to_thread(self._published.get_signing_key_from_jwt, token), PUBLIC_KEYS
        except jwt.PyJWKClientConnectionError:
            raise StoreUnavailable("The login's public keys cannot be fetched now.") from None
        except jwt.PyJWTError:
            raise Unauthenticated("The token is not valid, or no longer.") from None


def _published(url: str) -> jwt.PyJWKClient:
    try:
        return jwt.PyJWKClient(url, timeout=FETCH_TIMEOUT_S)
    except jwt.PyJWTError as error:
        raise SettingsError(f"auth.jwks_url is {url!r}; it should be an http or https URL ({error}).") from None


def subject(claim: object) -> UserId:
    """The user a JWT speaks for. Raises `Unauthenticated` for a name no login may use."""
    if not isinstance(claim, str) or not 0 < len(claim) <= LONGEST_SUBJECT or not claim.isprintable():
        raise Unauthenticated("The token's sub should be a printable text of 1 to 255 characters.")
    if claim.lower().startswith(RESERVED):
        raise Unauthenticated("The token's sub may not begin with telegram: or visitor:.")
    return UserId(claim)
