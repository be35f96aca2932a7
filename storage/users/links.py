"""Links to accounts on networks, and the one-time codes that create them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from gateway.core.model import ChannelName, UserId
from gateway.core.ports.users.links import Link, Person
from gateway.errors import Conflict, NotFound
from storage.connections import PooledConnection
from storage.database import Database, fetch_one
from storage.pools import in_transaction
from storage.queries import load_queries
from storage.quotas import require_room

SQL = load_queries("links")


@dataclass(frozen=True, slots=True)
class PostgresLinks:
    """`LinkStore` on Postgres. The user who redeems a code is not its owner, so codes are looked up among all users'."""

    database: Database
    most: int | None = None
    """Links that a user may have."""

    async def user_of(self, channel: ChannelName, external_id: str) -> UserId | None:
        async with self.database.all_users() as connection:
            found: str | None = await connection.fetchval(SQL["user_of"], channel, external_id)
        return None if found is None else UserId(found)

    async def add_code(
        self, digest: bytes, user_id: UserId, channel: ChannelName, person: Person | None, ttl: timedelta
    ) -> datetime:
        own = (None, None) if person is None else (person.external_id, person.display_name)
        async with self.database.as_user(user_id) as connection:
            row = await fetch_one(connection, SQL["add_code"], digest, user_id, channel, *own, ttl)
        expires_at: datetime = row["expires_at"]
        return expires_at

    async def redeem(self, digest: bytes, person: Person) -> Link | None:
        async with self.database.all_users() as connection, in_transaction(connection):
            user_id: str | None = await connection.fetchval(SQL["take_code"], digest, person.channel)
            return None if user_id is None else await self._link(connection, UserId(user_id), person)

    async def redeem_for(self, digest: bytes, user_id: UserId) -> Link | None:
        async with self.database.all_users() as connection, in_transaction(connection):
            row = await connection.fetchrow(SQL["take_persons_code"], digest)
            return None if row is None else await self._link(connection, user_id, _to_person(row))

    async def _link(self, connection: PooledConnection, user_id: UserId, person: Person) -> Link:
        """Raises `Conflict`, which rolls back what the transaction did to the code."""
        found = await connection.fetchrow(SQL["of_person"], person.channel, person.external_id)
        if found is None:
            await require_room(connection, "links", user_id, self.most)
            whom = (user_id, person.channel, person.external_id, person.display_name)
            made = await connection.fetchrow(SQL["add"], *whom)
            found = made or await fetch_one(connection, SQL["of_person"], person.channel, person.external_id)
        if found["user_id"] != user_id:
            raise Conflict("This account is linked to another user. Send /unlink from it first, then try again.")
        return _to_link(found)

    async def void(self, digest: bytes) -> None:
        async with self.database.all_users() as connection:
            await connection.execute(SQL["void_code"], digest)

    async def forget_codes(self) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["forget_codes"])

    async def list(self, user_id: UserId | None) -> Sequence[Link]:
        async with self.database.as_user(user_id) as connection:
            return [_to_link(row) for row in await connection.fetch(SQL["list"], user_id)]

    async def delete(self, link_id: UUID, user_id: UserId | None) -> Link:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["delete"], link_id)
            if row is None:
                raise NotFound("There is no such link.")
            return await _end(connection, _to_link(row))

    async def delete_person(self, channel: ChannelName, external_id: str) -> Link | None:
        async with self.database.all_users() as connection, in_transaction(connection):
            row = await connection.fetchrow(SQL["delete_person"], channel, external_id)
            return None if row is None else await _end(connection, _to_link(row))

    async def sessions_of(self, user_id: UserId) -> int:
        async with self.database.as_user(user_id) as connection:
            count: int = await connection.fetchval(SQL["sessions_of"], user_id)
        return count


async def _end(connection: PooledConnection, link: Link) -> Link:
    """A person who is no longer the user receives nothing more of the user's conversations. Locks: link, route, session, turn."""
    whom = (link.user_id, link.person.channel, link.person.external_id)
    await connection.execute(SQL["leave_schedules"], *whom)
    await connection.execute(SQL["leave_routes"], *whom)
    locked = await connection.fetch(SQL["lock_sessions"], *whom)
    await connection.execute(SQL["leave_sessions"], *whom)
    await connection.execute(SQL["leave_turns"], *whom, [row["chat_id"] for row in locked])
    await connection.execute(SQL["leave_outbox"], *whom)
    return link


def _to_person(row: Record) -> Person:
    return Person(ChannelName(row["channel"]), row["external_id"], row["display_name"])


def _to_link(row: Record) -> Link:
    return Link(row["link_id"], UserId(row["user_id"]), _to_person(row), row["created_at"])
