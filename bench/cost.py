"""Counts what a turn costs Postgres at each level, with a separate gateway, as counting slows a server down."""

from __future__ import annotations

from bench import counts, processes
from bench.commands import Load
from bench.measure import Bench
from bench.results import Cost


async def measure(bench: Bench) -> tuple[Cost, ...]:
    """Runs after the levels, with the same users."""
    await counts.count_in(bench.databases.gateway)
    async with processes.gateway(bench.folder, bench.databases.gateway, "counted") as gateway:
        return tuple([await _level(bench, gateway.url, sessions) for sessions in bench.plan.levels])


async def _level(bench: Bench, url: str, sessions: int) -> Cost:
    bench.say(f"counting with {sessions} sessions")
    async with counts.counter(bench.databases.gateway) as counter:
        begun = await counter.mark()
        answer = await bench.client.obey(Load(url, f"talker-{sessions}", sessions, 0, bench.plan.counted_s))
        done = await counter.between(begun, await counter.mark())
    return Cost(sessions, done.per(answer.turns))
