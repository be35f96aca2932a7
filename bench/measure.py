"""The measurements, one after another, on one server."""

from __future__ import annotations

import asyncio
import os
import platform
import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.ceiling import Ceiling, find_ceiling
from bench.commands import Answer, Hold, Load, Release, Walk
from bench.conversation import user_name
from bench.databases import Databases, open_databases, seed
from bench.errors import BenchError
from bench.plan import Plan
from bench.processes import Client, Server
from bench.results import Idle, Length, Level, Machine, Pace, Report, idle, lengths, level, pace, targets

Say = Callable[[str], None]
IDLERS, WARMERS = "idler", "warmer"
SPARE_FILES = 200
WARM_SOCKETS = 16


@dataclass(frozen=True, slots=True)
class Bench:
    """What the measurements work with. `say`: tells progress."""

    plan: Plan
    folder: Path
    databases: Databases
    client: Client
    say: Say

    async def levels(self, ceiling: Ceiling, bare: Server, gateway: Server) -> tuple[Level, ...]:
        """Turns/s and latencies, with everybody talking at once."""
        return tuple([await self._level(sessions, ceiling, bare, gateway) for sessions in self.plan.levels])

    async def _level(self, sessions: int, ceiling: Ceiling, bare: Server, gateway: Server) -> Level:
        group = f"talker-{sessions}"
        await seed(self.databases.gateway, group, sessions, 0)
        ceilings: list[Pace] = []
        paces: dict[str, list[Pace]] = defaultdict(list)
        for number in range(self.plan.rounds):
            self.say(f"{sessions} sessions, round {number + 1} of {self.plan.rounds}")
            if number < self.plan.ceiling_rounds:
                ceilings.append(pace(await ceiling.measure(sessions, self.plan.ceiling_s)))
            for server in (bare, gateway):
                paces[server.url].append(pace(await self._load(server, group, sessions)))
        return level(sessions, ceilings, paces[bare.url], paces[gateway.url])

    async def _load(self, server: Server, group: str, sessions: int) -> Answer:
        return await self.client.obey(Load(server.url, group, sessions, self.plan.warm_s, self.plan.load_s))

    async def lengths(self, gateway: Server) -> tuple[Length, ...]:
        """A turn at a time, in sessions of different lengths by turns."""
        # Long sessions are rare among short ones: what suits the average one must not be what the long ones get.
        await seed(self.databases.gateway, IDLERS, max(self.plan.idle), 2)
        visits: list[tuple[int, str]] = []
        for seeded in self.plan.lengths:
            self.say(f"sessions of {seeded.messages:,} messages")
            group = f"long-{seeded.messages}"
            await seed(self.databases.gateway, group, seeded.sessions, seeded.messages)
            names = [user_name(group, number) for number in range(1, seeded.sessions + 1)]
            visits += [(seeded.messages, name) for name in names for _ in range(seeded.visits)]
        random.Random(1).shuffle(visits)
        answer = await self.client.obey(Walk(gateway.url, tuple(name for _, name in visits)))
        sorted_out: dict[int, list[int]] = {seeded.messages: [] for seeded in self.plan.lengths}
        for (messages, _), latency in zip(visits, answer.latencies_us, strict=True):
            sorted_out[messages].append(latency)
        return lengths([(messages, pace(Answer(tuple(us), answer.seconds))) for messages, us in sorted_out.items()])

    async def idle(self) -> tuple[Idle, ...]:
        """Memory of a new gateway as sockets come that say hello, resume a session and fall silent; after `lengths`."""
        await seed(self.databases.gateway, WARMERS, WARM_SOCKETS, 2)
        async with processes.gateway(self.folder, self.databases.gateway, "idle") as gateway:
            await self._load(gateway, WARMERS, WARM_SOCKETS)
            measured = [(0, await self._settled(gateway))]
            for sockets in self.plan.idle:
                self.say(f"{sockets:,} idle sockets")
                await self.client.obey(Hold(gateway.url, IDLERS, measured[-1][0] + 1, sockets))
                measured.append((sockets, await self._settled(gateway)))
            await self.client.obey(Release())
        return idle(measured)

    async def _settled(self, server: Server) -> int:
        await asyncio.sleep(self.plan.settle_s)
        return server.resident()


async def run(plan: Plan, folder: Path, say: Say) -> Report:
    """Raises `BenchError`, or whatever keeps the gateway or Postgres from starting."""
    begun = time.monotonic()
    files = processes.allow_many_sockets()
    if files < max(plan.idle) + SPARE_FILES:
        raise BenchError(
            f"{max(plan.idle):,} sockets need more open files than {files:,}; raise the hard limit (ulimit -Hn)."
        )
    async with AsyncExitStack() as stack:
        say("starting Postgres")
        databases = await stack.enter_async_context(open_databases(folder / "data"))
        ceiling = find_ceiling(databases.ceiling)
        client = await stack.enter_async_context(processes.client())
        bench = Bench(plan, folder, databases, client, say)
        async with (
            processes.bare_loop(folder, databases.bare) as bare,
            processes.gateway(folder, databases.gateway, "gateway") as gateway,
        ):
            levels = await bench.levels(ceiling, bare, gateway)
            lengths = await bench.lengths(gateway)
        idle = await bench.idle()
    machine = Machine(
        cpus=os.cpu_count() or 1,
        python=platform.python_version(),
        postgres=databases.version,
        durability=databases.durability,
        ceiling_driver=ceiling.driver,
    )
    return Report(machine, levels, lengths, idle, targets(levels, lengths, idle), time.monotonic() - begun)
