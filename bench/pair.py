"""Two gateways on one Postgres against one, with the same sessions, by turns."""

from __future__ import annotations

import asyncio
from statistics import median

from bench import cpu, processes
from bench.commands import Cross, Load
from bench.databases import seed
from bench.measure import Bench
from bench.processes import Client, Server
from bench.results import Pace, Pair, pace

SESSIONS = 64
HALVES = ("half-one", "half-two")
CROSSERS, CROSSINGS = "crosser", (5, 12)
"""Users, and turns of each."""


async def measure(bench: Bench, first: Server) -> Pair:
    """`first` serves all sessions, then both serve half of them each, with a client each."""
    for half in HALVES:
        await seed(bench.databases.gateway, half, SESSIONS // 2, 0)
    async with (
        processes.gateway(bench.folder, bench.databases.gateway, "second") as second,
        processes.client() as other,
    ):
        rounds = [await _round(bench, first, second, other) for _ in range(bench.plan.rounds)]
        later = await _later(bench, first, second)
    alone, together, busy = (median(values) for values in zip(*rounds, strict=True))
    return Pair(SESSIONS, alone, together, median(two / one for one, two, _ in rounds), busy, later)


async def _later(bench: Bench, first: Server, second: Server) -> Pace:
    """How much later than at the gateway where it was written a reply is heard at the other."""
    bench.say("replies of one gateway, heard at the other")
    await seed(bench.databases.gateway, CROSSERS, CROSSINGS[0], 0)
    return pace(await bench.client.obey(Cross(first.url, second.url, CROSSERS, *CROSSINGS)))


async def _round(bench: Bench, first: Server, second: Server, other: Client) -> tuple[float, float, float]:
    """Turns a second of one, those of two, and cores that were busy meanwhile."""
    bench.say(f"one gateway and two, {SESSIONS} sessions")
    alone = await _load(bench, bench.client, first, f"talker-{SESSIONS}", SESSIONS)
    before = _spent(bench, (first, second), other)
    halves = [
        _load(bench, client, server, half, SESSIONS // 2)
        for client, server, half in zip((bench.client, other), (first, second), HALVES, strict=True)
    ]
    together = sum(await asyncio.gather(*halves))
    seconds = bench.plan.warm_s + bench.plan.load_s
    return alone, together, (_spent(bench, (first, second), other) - before) / seconds


def _spent(bench: Bench, servers: tuple[Server, Server], other: Client) -> float:
    one = cpu.spent(servers[0].process.pid, bench.databases.postmaster, bench.client.process.pid)
    return one.total + cpu.spent(servers[1].process.pid, 0, other.process.pid).total


async def _load(bench: Bench, client: Client, server: Server, group: str, sessions: int) -> float:
    load = Load(server.url, group, sessions, bench.plan.warm_s, bench.plan.load_s)
    return pace(await client.obey(load)).turns_per_s
