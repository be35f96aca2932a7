"""A new Postgres with its durable defaults, and in it a database for each contestant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

import storage.migrate
from bench.conversation import AGENT, QUESTION, REPLY, ROUTE
from storage.embedded import embedded_postgres

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Databases:
    """URLs. `ceiling` and `gateway` have Turngate's schema, `bare` a single table. `version`: of the server."""

    ceiling: str
    bare: str
    gateway: str
    version: str
    durability: str


@asynccontextmanager
async def open_databases(folder: Path) -> AsyncIterator[Databases]:
    """Starts the server, and stops it at the end."""
    async with embedded_postgres(folder) as url:
        await storage.migrate.migrate(url)
        await _execute(url, "CREATE DATABASE bare")
        # A database cannot be copied by who is connected to it.
        await _execute(_on(url, "bare"), "CREATE DATABASE ceiling TEMPLATE turngate")
        await _execute(_on(url, "bare"), (SQL / "bare.sql").read_text("utf-8"))
        version = str(await _ask(url, "SHOW server_version"))
        durability = (
            f"fsync {await _ask(url, 'SHOW fsync')}, synchronous_commit {await _ask(url, 'SHOW synchronous_commit')}"
        )
        yield Databases(_on(url, "ceiling"), _on(url, "bare"), url, version, durability)


async def seed(url: str, group: str, users: int, messages: int) -> None:
    """Users `group-1` and so on, each with a token, and with a session of so many messages if that is not 0."""
    connection = await asyncpg.connect(url)
    try:
        seeding = (SQL / "seed.sql").read_text("utf-8")
        await connection.execute(seeding, group, users, messages, AGENT, ROUTE, QUESTION, REPLY)
        if messages:
            await connection.execute("VACUUM ANALYZE chat_sessions, chat_messages, turns, routes, api_tokens")
    finally:
        await connection.close()


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
