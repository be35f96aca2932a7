"""The cost of an idle gateway: memory for each socket, and its own statements."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench import counts, cpu, processes
from bench.commands import Hold, Load, Release
from bench.databases import open_databases, seed
from bench.measure import IDLERS, WARM_SOCKETS, WARMERS, Bench
from bench.processes import Server
from bench.results import AtRest, Idle, Still, idle
from scheduler.housekeeping import FIRST_AFTER

SOCKETS = 1_000
"""With so many idle sockets, statements are counted a second time."""


async def measure(bench: Bench) -> tuple[tuple[Idle, ...], tuple[Still, ...]]:
    """A new gateway, while sockets say hello, resume a session and then stay silent; runs after the long sessions."""
    url = bench.databases.gateway
    await seed(url, WARMERS, WARM_SOCKETS, 2)
    await counts.count_in(url)
    async with processes.gateway(bench.folder, url, "idle") as gateway:
        await bench.client.obey(Load(gateway.url, WARMERS, WARM_SOCKETS, bench.plan.warm_s, bench.plan.load_s))
        # Work that the load left behind, such as words to index, does not count, nor do the chores of the first seconds.
        await asyncio.sleep(max(bench.plan.still_s, 2 * FIRST_AFTER.total_seconds()))
        held = [(0, await _settled(bench, gateway))]
        still = [await _still(bench, 0)]
        for sockets in bench.plan.idle:
            bench.say(f"{sockets:,} idle sockets")
            await bench.client.obey(Hold(gateway.url, IDLERS, held[-1][0] + 1, sockets))
            held.append((sockets, await _settled(bench, gateway)))
            if sockets == SOCKETS:
                still.append(await _still(bench, sockets))
        await bench.client.obey(Release())
    return idle(held), tuple(still)


async def alone(folder: Path, seconds: float) -> AtRest:
    """A gateway without sockets on a database of its own, once the chores of its first seconds are done."""
    async with open_databases(folder) as databases:
        await counts.count_in(databases.gateway)
        async with processes.gateway(folder, databases.gateway, "alone") as gateway:
            await asyncio.sleep(2 * FIRST_AFTER.total_seconds())
            async with counts.counter(databases.gateway, sent_only=True) as counter:
                begun, spent = await counter.mark(), cpu.own(gateway.process.pid)
                await asyncio.sleep(seconds)
                done = (await counter.between(begun, await counter.mark())).per(seconds)
                return AtRest(done.statements, (cpu.own(gateway.process.pid) - spent) / seconds)


async def _settled(bench: Bench, server: Server) -> int:
    await asyncio.sleep(bench.plan.settle_s)
    return server.resident()


async def _still(bench: Bench, sockets: int) -> Still:
    async with counts.counter(bench.databases.gateway, sent_only=True) as counter:
        begun = await counter.mark()
        await asyncio.sleep(bench.plan.still_s)
        done = (await counter.between(begun, await counter.mark())).per(bench.plan.still_s)
    return Still(sockets, done.statements, done.commits)
