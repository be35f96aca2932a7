"""Who is asking: tokens and one-time codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from gateway.core.model import Principal, UserId


class Authenticator(Protocol):
    """Turns a token into who holds it."""

    async def authenticate(self, token: str, origin: str | None) -> Principal:
        """Raises `Unauthenticated`, or `Forbidden` when a visitor's token comes from another origin than its own."""
        ...

    def memory_of(self, token: str) -> Callable[[], Principal | None]:
        """Asked at any time, says who holds an API token as far as that is remembered; None: `authenticate` knows."""
        ...

    def is_signed(self, token: str) -> bool:
        """Whether the token is good by a key that is known here, as no guess is; neither the network nor the database is asked."""
        ...

    def look_again(self, token: str) -> None:
        """Forgets what is remembered of a token: something is asked for with it that would outlive it."""
        ...

    def on_end(self, token: str, ended: Callable[[], None]) -> Callable[[], None]:
        """Calls `ended`, which must not block, once an API token is no longer valid: here at once, elsewhere seconds later.

        The answer forgets about it, and may be repeated.
        """
        ...


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token as listed; the token itself is known to its holder only. `remaining`: until it expires, when it was read."""

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
        """A new token, which ends that long from now by the database's clock; None: never.

        Raises `Conflict` when `most` tokens of the user are valid already.
        """
        ...

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
