"""Compares two gateways on one Postgres with a single one, with the same sessions, in alternation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench import cpu, processes
from bench.commands import Cross, Load
from bench.cpu import Spent
from bench.databases import seed
from bench.measure import Bench
from bench.processes import Client, Server
from bench.results import Pace, Pair, middle_work, pace

SESSIONS = 64
HALVES = ("half-one", "half-two")
CROSSERS, CROSSINGS = "crosser", (5, 12)
"""Users, and turns of each."""


@dataclass(frozen=True, slots=True)
class Side:
    """The results of one gateway, or of both, in a round. `work`: microseconds of processor time per turn."""

    turns_per_s: float
    busy_cores: float
    work: Spent


async def measure(bench: Bench, first: Server) -> Pair:
    """First, `first` serves all sessions; then each gateway serves half of them, with its own client."""
    for half in HALVES:
        await seed(bench.databases.gateway, half, SESSIONS // 2, 0)
    async with (
        processes.gateway(bench.folder, bench.databases.gateway, "second") as second,
        processes.client() as other,
    ):
        rounds = [await _round(bench, first, second, other) for _ in range(bench.plan.rounds)]
        later = await _later(bench, first, second)
    return Pair(
        SESSIONS,
        median(one.turns_per_s for one, _ in rounds),
        median(two.turns_per_s for _, two in rounds),
        median(two.turns_per_s / one.turns_per_s for one, two in rounds),
        median(two.busy_cores for _, two in rounds),
        middle_work([one.work for one, _ in rounds]),
        middle_work([two.work for _, two in rounds]),
        later,
    )


async def _later(bench: Bench, first: Server, second: Server) -> Pace:
    """How much later a reply arrives at the other gateway than at the one that wrote it."""
    bench.say("replies of one gateway, heard at the other")
    await seed(bench.databases.gateway, CROSSERS, CROSSINGS[0], 0)
    return pace(await bench.client.obey(Cross(first.url, second.url, CROSSERS, *CROSSINGS)))


async def _round(bench: Bench, first: Server, second: Server, other: Client) -> tuple[Side, Side]:
    """One gateway with all sessions, then both."""
    bench.say(f"one gateway and two, {SESSIONS} sessions")
    alone = await _side(bench, [(bench.client, first, f"talker-{SESSIONS}", SESSIONS)])
    shared = [(bench.client, first, HALVES[0], SESSIONS // 2), (other, second, HALVES[1], SESSIONS // 2)]
    return alone, await _side(bench, shared)


async def _side(bench: Bench, parts: Sequence[tuple[Client, Server, str, int]]) -> Side:
    """All parts at once: which client talks to which server, as which group, in how many sessions."""
    plan = bench.plan
    before, begun = _spent(bench, parts), time.monotonic()
    answers = await asyncio.gather(
        *(
            client.obey(Load(server.url, group, sessions, plan.warm_s, plan.load_s))
            for client, server, group, sessions in parts
        )
    )
    used, seconds = _spent(bench, parts) - before, time.monotonic() - begun
    turns = sum(answer.turns for answer in answers)
    return Side(sum(pace(answer).turns_per_s for answer in answers), used.total / seconds, used.per(turns))


def _spent(bench: Bench, parts: Sequence[tuple[Client, Server, str, int]]) -> Spent:
    each = [cpu.spent(server.process.pid, 0, client.process.pid) for client, server, _, _ in parts]
    return Spent(
        sum(one.server for one in each), cpu.family(bench.databases.postmaster), sum(one.client for one in each)
    )
