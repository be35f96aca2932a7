"""Counts what a turn costs Postgres, against the bounds of `bench/bounds.toml`."""

from __future__ import annotations

import asyncio

import pytest

from bench import counts
from bench.conversation import AGENT, QUESTION
from bench.counts import Counter, Counts
from storage.database import Database
from storage.sessions.recent_activity import PostgresRecentActivity
from tests.integration.turns.bounds import QUIET, SECONDS_LATER, STAND_STILL, check
from tests.integration.turns.plain_turns import PEOPLE, heard, said
from tests.integration.turns.stores import Replica
from tests.world import Socket, World

WARM = 3
SLOW_TURNS = 8


@pytest.mark.parametrize(("name", "sessions", "turns"), [("alone", 1, 24), ("together", 16, 8)])
async def test_a_turn_stays_within_its_bounds(world: World, name: str, sessions: int, turns: int) -> None:
    """Statements, commits, log records and index entries per turn stay within the bounds."""
    await counts.count_in(world.database_url)
    agent = {"kind": "python", "target": "bench.agent:answer"}
    gateway = await world.gateway(agents={AGENT: agent}, replica=QUIET)
    people = [await world.person(f"user-{number}", gateway.url) for number in range(sessions)]
    sockets = [await person.connects() for person in people]
    async with counts.counter(world.database_url) as counter:
        await _talk(sockets, "warm", WARM)
        await world.rows(STAND_STILL)
        begun = await counter.mark()
        await _talk(sockets, "turn", turns)
        done = (await counter.between(begun, await counter.mark(), often=turns)).per(sessions * turns)
    check(name, done)


async def test_a_turn_that_takes_seconds_stays_within_its_bounds(
    replica: Replica, database: Database, database_url: str
) -> None:
    """Message and reply fall into different seconds, as they do when people write, and lists' indexes are up to date before each turn."""
    await counts.count_in(database_url)
    async with counts.counter(database_url) as counter:
        done = await _slow_turn(counter, replica, database, 1)
        for number in range(1, SLOW_TURNS):
            done += await _slow_turn(counter, replica, database, number + 1)
    check("seconds_apart", done.per(SLOW_TURNS))


async def _slow_turn(counter: Counter, replica: Replica, database: Database, number: int) -> Counts:
    await counter.connection.execute(SECONDS_LATER)
    assert await PostgresRecentActivity(database).place_in_lists() > 0
    begun = await counter.mark()
    accepted = await said(replica, f"k{number}", PEOPLE[:1])
    message = await counter.between(begun, await counter.mark())
    await counter.connection.execute(SECONDS_LATER)
    begun = await counter.mark()
    await heard(replica, accepted)
    return message + await counter.between(begun, await counter.mark())


async def _talk(sockets: list[Socket], key: str, turns: int) -> None:
    await asyncio.gather(*(_ask(socket, key, turns) for socket in sockets))


async def _ask(socket: Socket, key: str, turns: int) -> None:
    for number in range(turns):
        await socket.asks(QUESTION, f"{key}-{number}")
