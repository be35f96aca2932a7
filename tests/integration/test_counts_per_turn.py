"""What a turn costs Postgres, in counts, against the bounds of `bench/bounds.toml`."""

from __future__ import annotations

import asyncio
import tomllib

import pytest

from bench import counts
from bench.conversation import AGENT, QUESTION
from tests.world import ROOT, Socket, World

BOUNDS = tomllib.loads((ROOT / "bench/bounds.toml").read_text("utf-8"))
WARM = 3
QUIET = {"heartbeat_s": 60, "ttl_s": 600, "sweep_s": 60, "poll_s": 10, "index_s": 60}
"""Nothing but turns happens meanwhile, however slow the machine is."""
STAND_STILL = "UPDATE chat_sessions SET updated_at = '2100-01-01Z', last_message_at = '2100-01-01Z' RETURNING 1"
"""A session's times never run backwards: no second passes, after which its indexes would be written."""


@pytest.mark.parametrize(("name", "sessions", "turns"), [("alone", 1, 24), ("together", 16, 8)])
async def test_a_turn_stays_within_its_bounds(world: World, name: str, sessions: int, turns: int) -> None:
    """Statements, commits, log records and index entries per turn are no more than was agreed."""
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
    measured = {
        "statements": done.statements,
        "commits": done.commits,
        "records": done.records,
        "wal": done.wal,
        "index_writes": done.index_writes,
        "updates_with_index_writes": done.updates - done.hot,
    }
    over = {
        what: f"{value:.2f} > {BOUNDS[name][what]}" for what, value in measured.items() if value > BOUNDS[name][what]
    }
    assert not over, f"A turn costs more than bench/bounds.toml allows: {over}"


async def _talk(sockets: list[Socket], key: str, turns: int) -> None:
    await asyncio.gather(*(_ask(socket, key, turns) for socket in sockets))


async def _ask(socket: Socket, key: str, turns: int) -> None:
    for number in range(turns):
        await socket.asks(QUESTION, f"{key}-{number}")
