"""API tokens by their SHA-256, and one-time sign-in codes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from asyncpg import Record

from gateway.core.model import UserId
from gateway.core.ports.users.tokens import ApiToken
from gateway.errors import NotFound
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.quotas import require_room

SQL = load_queries("tokens")


@dataclass(frozen=True, slots=True)
class PostgresTokens:
    """`TokenStore` on Postgres. The owner of a presented token is not known yet, so it is looked up among all users'."""

    database: Database

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
        while True:
            async with self.database.as_user(user_id) as connection:
                rest: timedelta | None = await connection.fetchval(SQL["begin_anew"], user_id)
                if rest is None:
                    await require_room(connection, "tokens", user_id, most)
                    return _to_token(await fetch_one(connection, SQL["create"], user_id, digest, name, role, lifetime))
            # The user was erased a moment ago. No lock is held in the meantime.
            await asyncio.sleep(rest.total_seconds())

    async def find(self, digest: bytes) -> ApiToken | None:
        async with self.database.all_users() as connection:
            row = await connection.fetchrow(SQL["find"], digest)
            if row is None:
                return None
            await connection.execute(SQL["touch"], row["token_id"])
        return _to_token(row)

    async def list(self, user_id: UserId | None) -> Sequence[ApiToken]:
        async with self.database.as_user(user_id) as connection:
            return [_to_token(row) for row in await connection.fetch(SQL["list"], user_id)]

    async def revoke(self, token_id: UUID, user_id: UserId | None) -> bytes:
        async with self.database.as_user(user_id) as connection:
            digest: bytes | None = await connection.fetchval(SQL["revoke"], token_id)
        if digest is None:
            raise NotFound("There is no such token.")
        return digest

    async def add_code(self, digest: bytes, user_id: UserId, role: Literal["user", "operator"], ttl: timedelta) -> None:
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SQL["forget_codes"])
            await connection.execute(SQL["add_code"], digest, user_id, role, ttl)

    async def redeem_code(self, digest: bytes) -> tuple[UserId, Literal["user", "operator"]] | None:
        async with self.database.all_users() as connection:
            row = await connection.fetchrow(SQL["redeem_code"], digest)
        return (UserId(row["user_id"]), row["role"]) if row is not None and row["good"] else None


def _to_token(row: Record) -> ApiToken:
    return ApiToken(
        id=row["token_id"],
        user_id=UserId(row["user_id"]),
        name=row["name"],
        role=row["role"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        remaining=row["remaining"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
