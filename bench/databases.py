"""A new Postgres with its durable defaults, and a database in it for each contestant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

import storage.migrating.migrate
from bench.conversation import AGENT, QUESTION, REPLY, ROUTE
from bench.counts import SERVER
from storage.embedded import embedded_postgres
from storage.embedded.layout import Layout
from storage.embedded.postmaster import postmaster

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Databases:
    """URLs. `ceiling` and `gateway` have Turngate's schema, `bare` a single table.

    `version`: of the server; `postmaster`: the id of its first process.
    """

    ceiling: str
    bare: str
    gateway: str
    version: str
    durability: str
    postmaster: int


@asynccontextmanager
async def open_databases(folder: Path) -> AsyncIterator[Databases]:
    """Starts the server, and stops it at the end."""
    async with embedded_postgres(folder, SERVER) as url:
        await storage.migrating.migrate.migrate(url)
        await _execute(url, "CREATE DATABASE bare")
        # A connection to a database cannot copy it.
        await _execute(_on(url, "bare"), "CREATE DATABASE ceiling TEMPLATE turngate")
        await _execute(_on(url, "bare"), (SQL / "bare.sql").read_text("utf-8"))
        version = str(await _ask(url, "SHOW server_version"))
        durability = (
            f"fsync {await _ask(url, 'SHOW fsync')}, synchronous_commit {await _ask(url, 'SHOW synchronous_commit')}"
        )
        process = postmaster(Layout.of(folder))
        assert process is not None
        yield Databases(_on(url, "ceiling"), _on(url, "bare"), url, version, durability, process)


async def seed(url: str, group: str, users: int, messages: int) -> None:
    """Users `group-1` and so on, each with a token, and with a session of so many messages unless that is 0."""
    connection = await asyncpg.connect(url)
    try:
        seeding = (SQL / "seed.sql").read_text("utf-8")
        await connection.execute(seeding, group, users, messages, AGENT, ROUTE, QUESTION, REPLY)
        if messages:
            await connection.execute("VACUUM ANALYZE chat_sessions, chat_messages, turns, routes, api_tokens")
    finally:
        await connection.close()


async def fresh_database(url: str, name: str) -> str:
    """The URL of a new database with Turngate's schema, on the same server."""
    await _execute(_on(url, "bare"), f"CREATE DATABASE {name}")
    await storage.migrating.migrate.migrate(_on(url, name))
    return _on(url, name)


def _on(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
