"""One run: every measurement, one after another, on one server."""

from __future__ import annotations

import os
import platform
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from bench import cost, pair, processes, rest, telegram
from bench.ceiling import find_ceiling
from bench.databases import Databases, open_databases
from bench.measure import Bench, Say
from bench.plan import Plan
from bench.results import Machine, Report
from bench.targets import targets

SPARE_FILES = 400


async def run(plan: Plan, folder: Path, say: Say) -> Report:
    """Raises `BenchError`, or the error that keeps the gateway or Postgres from starting."""
    begun = time.monotonic()
    plan, notes = _allowed(plan)
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
            two = await pair.measure(bench, gateway)
        costs = await cost.measure(bench)
        idle, still = await rest.measure(bench)
        say("Telegram, polling and webhook")
        chats = await telegram.measure(folder, databases.gateway, plan.chats)
    machine = _machine(databases, ceiling.driver)
    found = targets(levels, lengths, idle, still, two, cpus=machine.cpus)
    return Report(machine, levels, costs, lengths, idle, still, two, chats, found, notes, time.monotonic() - begun)


def _allowed(plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """The plan with as many sockets as this process may open, and a note if they are fewer."""
    most = processes.allow_many_sockets() - SPARE_FILES
    wanted = max(plan.idle)
    if wanted <= most:
        return plan, ()
    fitting = tuple(sockets for sockets in plan.idle if sockets < most)
    note = f"{wanted:,} sockets need {wanted + SPARE_FILES:,} open files; the hard limit (ulimit -Hn) allows {most:,} sockets."
    return replace(plan, idle=(*fitting, most)), (note,)


def _machine(databases: Databases, ceiling_driver: str) -> Machine:
    return Machine(
        cpus=os.cpu_count() or 1,
        python=platform.python_version(),
        postgres=databases.version,
        durability=databases.durability,
        ceiling_driver=ceiling_driver,
    )
