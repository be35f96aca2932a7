"""Loads data, makes calls, and checks plans."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import aiohttp
import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import storage.migrating.migrate
from bench import processes
from bench.errors import BenchError
from bench.scale.calls import Call, calls, timed, with_cursors
from bench.scale.load import Advance, Loader
from bench.scale.plan import Scale, Size
from bench.scale.plans import sequential_scans
from bench.scale.rows import talks
from storage.embedded import embedded_postgres

# The loaded data need not survive a crash; the measurements only read.
LOADING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "8GB",
    "autovacuum": "off",
    "shared_buffers": "1GB",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians in milliseconds. `limit`: the maximum ratio; None: no target."""

    name: str
    small_ms: float
    big_ms: float
    ratio: float
    limit: float | None

    @property
    def reached(self) -> bool:
        return self.limit is None or self.ratio <= self.limit


@dataclass(frozen=True, slots=True)
class ScaleReport:
    """Everything, as `--json` writes it. `scans`: statements that read a whole table; there should be none."""

    small: Size
    big: Size
    timings: tuple[Timing, ...]
    plans: int
    scans: tuple[str, ...]
    bytes: dict[str, int]
    postgres: str
    load_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """A database of one size, and its gateway."""

    url: str
    asked: Sequence[Call]


async def run(plan: Scale, folder: Path) -> ScaleReport:
    """Raises `BenchError` if it takes longer than the plan allows."""
    try:
        async with asyncio.timeout(plan.minutes * 60):
            return await _run(plan, folder)
    except TimeoutError:
        raise BenchError(f"Not done within {plan.minutes:g} minutes; give it more, or fewer messages.") from None


async def _run(plan: Scale, folder: Path) -> ScaleReport:
    begun = time.monotonic()
    async with embedded_postgres(folder / "data", LOADING) as url:
        small, big = await _loaded(url, "small", plan.small), await _loaded(url, "big", plan.big)
        loaded = time.monotonic()
        timings = await _asked(plan, folder, small, big)
        looked, scans = await sequential_scans(big, _long(plan.big))
        sizes, version = await _sizes(big)
    ended = time.monotonic()
    return ScaleReport(
        *(plan.small, plan.big, timings, looked, tuple(scans), sizes, version), loaded - begun, ended - begun
    )


async def _loaded(url: str, name: str, size: Size) -> str:
    """The URL of a new database of that size."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    there = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    await storage.migrating.migrate.migrate(there)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as progress:

        def step(what: str, rows: int) -> Advance:
            task = progress.add_task(what, total=rows)
            return lambda done: progress.advance(task, done)

        await Loader(there, step).load(size)
    return there


def _long(size: Size) -> UUID:
    return next(talks(size)).chat_id


@asynccontextmanager
async def _place(folder: Path, url: str, name: str, http: aiohttp.ClientSession, size: Size) -> AsyncIterator[Place]:
    async with processes.gateway(folder, url, name) as server:
        yield Place(server.url, await with_cursors(http, server.url, calls(_long(size))))


async def _asked(plan: Scale, folder: Path, small: str, big: str) -> tuple[Timing, ...]:
    async with (
        aiohttp.ClientSession() as http,
        _place(folder, small, "small", http, plan.small) as one,
        _place(folder, big, "big", http, plan.big) as other,
    ):
        pairs = zip(one.asked, other.asked, strict=True)
        return tuple([await _timing(plan, http, (one.url, ours), (other.url, theirs)) for ours, theirs in pairs])


async def _timing(plan: Scale, http: aiohttp.ClientSession, small: tuple[str, Call], big: tuple[str, Call]) -> Timing:
    """Alternates, so that other load on the machine affects both."""
    taken: list[list[float]] = [[], []]
    for number in range(-plan.warm, plan.rounds):
        for place, (url, call) in enumerate((small, big)):
            spent = await timed(http, url, *call.at(number))
            if number >= 0:
                taken[place].append(spent)
    ours, theirs = median(taken[0]), median(taken[1])
    return Timing(small[1].name, ours, theirs, theirs / ours, small[1].limit)


async def _sizes(url: str) -> tuple[dict[str, int], str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT relname, pg_relation_size(oid) AS bytes FROM pg_class"
            " WHERE relname IN ('chat_messages', 'chat_messages_pkey', 'chat_sessions', 'message_words', 'message_words_words')"
            " ORDER BY relname"
        )
        return {row["relname"]: row["bytes"] for row in rows}, str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()
