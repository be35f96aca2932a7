"""Replaces pgbench where there is none: the same two statements through asyncpg, as fast as Python gets."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import uvloop

from bench.commands import ANSWER, Answer
from bench.conversation import AGENT, QUESTION, REPLY, ROUTE
from storage.identity import APP_ROLE
from storage.queries import load_queries

Values: TypeAlias = "tuple[object, ...]"
SQL = load_queries("turns")
OWNER = UUID("00000000-0000-4000-8000-000000000001")
WARM_S = 1.0
WINDOW, LIMIT = timedelta(minutes=15), timedelta(minutes=5)


async def drive(url: str, number: int, begins: float, ends: float) -> list[int]:
    """Microseconds of each turn between moments of the monotonic clock, in one session on one connection."""
    connection = await asyncpg.connect(url, server_settings={"role": APP_ROLE})
    accept, finish = await connection.prepare(SQL["accept"]), await connection.prepare(SQL["finish"])
    user = f"loop-{number}"
    whose: Values = (user, "web", AGENT, QUESTION)
    terms: Values = (ROUTE, None, [], False, False, False, None, WINDOW, "enqueue", False, LIMIT, 20, OWNER, 100)
    reply: Values = ("completed", REPLY, None, None, None, None, [], [], [], [], "message", None)
    latencies = []
    while time.monotonic() < ends:
        begun = time.perf_counter_ns()
        accepted = await accept.fetchrow(*whose, uuid4().hex, *terms)
        assert accepted is not None
        turn = accepted["turn"]
        await finish.fetchrow(user, turn["chat_id"], turn["turn_id"], OWNER, turn["epoch"], *reply)
        if time.monotonic() >= begins:
            latencies.append((time.perf_counter_ns() - begun) // 1000)
    await connection.close()
    return latencies


async def main(url: str, connections: int, seconds: float) -> None:
    """Prints an `Answer`."""
    begins = time.monotonic() + WARM_S
    driven = await asyncio.gather(*(drive(url, number, begins, begins + seconds) for number in range(connections)))
    answer = Answer(tuple(latency for one in driven for latency in one), seconds)
    sys.stdout.buffer.write(ANSWER.dump_json(answer))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
