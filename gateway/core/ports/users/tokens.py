"""Authentication: tokens and one-time codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from gateway.core.model import Principal, UserId


class TokenWatch(Protocol):
    """What a connection knows about the token that it was opened with."""

    def holder(self) -> Principal | None:
        """Returns the holder of an API token from memory; None: call `authenticate`."""
        ...

    def stop(self) -> None:
        """Nobody needs to know any more when the token ends; may be called again."""
        ...


class Authenticator(Protocol):
    """Finds the principal that a token belongs to."""

    async def authenticate(self, token: str, origin: str | None) -> Principal:
        """Raises `Unauthenticated`, or `Forbidden` if a visitor's token comes from another origin than its own."""
        ...

    def is_signed(self, token: str) -> bool:
        """Whether the token is validly signed with a key known here and thus is no guess; asks neither the network nor the database."""
        ...

    def uncache(self, token: str) -> None:
        """Forgets what is remembered of a token, because it is used for something that would outlive it."""
        ...

    def watch(self, token: str, ended: Callable[[], None]) -> TokenWatch:
        """Calls `ended`, which must not block, once an API token is no longer valid: here at once, on other replicas within seconds."""
        ...


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token as listed; only its holder knows the token itself. `remaining`: the time until it expires, when it was read."""

    id: UUID
    user_id: UserId
    name: str | None
    role: Literal["user", "operator"]
    created_at: datetime
    expires_at: datetime | None
    remaining: timedelta | None
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
        lifetime: timedelta | None,
        *,
        most: int | None = None,
    ) -> ApiToken:
        """Creates a token that expires after `ttl` by the database's clock; None: never.

        Raises `Conflict` if the user already has `most` valid tokens.
        """
        ...

    async def find(self, digest: bytes) -> ApiToken | None:
        """Returns the token unless it is revoked or expired by the database's clock; records its use (at most once a minute)."""
        ...

    async def list(self, user_id: UserId | None) -> Sequence[ApiToken]: ...

    async def revoke(self, token_id: UUID, user_id: UserId | None) -> bytes:
        """Ends a token and returns its digest. Raises `NotFound`."""
        ...

    async def add_code(self, digest: bytes, user_id: UserId, role: Literal["user", "operator"], ttl: timedelta) -> None:
        """Stores a one-time sign-in code."""
        ...

    async def redeem_code(self, digest: bytes) -> tuple[UserId, Literal["user", "operator"]] | None:
        """Uses up the code; None if it is unknown, used or expired."""
        ...
