"""Tokens of anonymous visitors: signed, bound to the origin of the page, never stored."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from gateway.core.model import Principal, UserId
from gateway.core.user_ids import VISITOR
from gateway.errors import Forbidden, Unauthenticated

AUDIENCE = "turngate-visitor"
LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class VisitorPass:
    """What a new visitor receives."""

    token: str
    user_id: UserId
    expires_at: datetime


class VisitorPasses:
    """Issues and verifies visitors' tokens (JWT, HS256) with a key derived from the gateway's secret."""

    def __init__(self, secret_key: bytes) -> None:
        self._key = hmac.digest(secret_key, AUDIENCE.encode(), "sha256")

    def issue(self, origin: str, now: datetime) -> VisitorPass:
        """Issues a pass for a new visitor, valid on pages of `origin` only."""
        user_id = UserId(VISITOR + secrets.token_urlsafe(16))
        expires_at = (now + LIFETIME).replace(microsecond=0)
        claims = {
            "sub": user_id,
            "aud": AUDIENCE,
            "origin": origin,
            "iat": now,
            "exp": expires_at,
            "jti": secrets.token_urlsafe(8),
        }
        return VisitorPass(jwt.encode(claims, self._key, algorithm="HS256"), user_id, expires_at)

    def has_signed(self, token: str) -> bool:
        """Whether the pass is valid, on any page."""
        try:
            self.verify(token, None)
        except Unauthenticated:
            return False
        except Forbidden:
            return True
        return True

    def verify(self, token: str, origin: str | None) -> Principal:
        """Raises `Unauthenticated`, or `Forbidden` if the request comes from another origin, or from none."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                options={"require": ["exp", "sub", "origin"]},
            )
        except jwt.PyJWTError:
            raise Unauthenticated("The visitor's token is invalid or expired.") from None
        if origin is None or origin.lower() != claims["origin"]:
            raise Forbidden("This visitor's token is for another origin.")
        return Principal(
            UserId(str(claims["sub"])),
            "visitor",
            origin=str(claims["origin"]),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
