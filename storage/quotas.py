"""Limits how many things of a kind a user may keep: counted in the transaction that adds one."""

from __future__ import annotations

from typing import Literal

from gateway.core.model import UserId
from gateway.errors import Conflict
from storage.connections import PooledConnection
from storage.queries import load_queries

SQL = load_queries("quotas")

Kind = Literal["schedules", "tokens", "links"]
REMEDIES: dict[Kind, str] = {
    "schedules": "Delete one that is no longer needed",
    "tokens": "Revoke one that is no longer needed",
    "links": "Unlink an account that is no longer needed",
}


async def require_room(connection: PooledConnection, kind: Kind, user_id: UserId, most: int | None) -> None:
    """Call before adding one: raises `Conflict` if the user has reached the limit. None is no limit."""
    if most is None:
        return
    await connection.execute(SQL["queue_up"], f"{kind} {user_id}")
    count: int = await connection.fetchval(SQL[kind], user_id)
    if count >= most:
        raise Conflict(
            f"This user has {count} {kind}, and limits.{kind}_per_user allows {most}. {REMEDIES[kind]}, then try again."
        )
