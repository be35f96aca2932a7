"""Measures kinds of agents beside their libraries: what a turn costs more, and what a streamed token costs more."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from bench.agents import pydantic_ai
from bench.agents.contestant import Contestant, Place, new_place
from bench.databases import open_databases
from bench.measure import Say
from bench.report import WIDTH, new_table
from storage.database import open_database

KINDS = (pydantic_ai,)
"""One line for each kind that is measured: a module with `contestants(url, database, place)`."""
FEW, MANY = 1, 1_001
"""Tokens of an answer."""
WARM_UP = 5
MOST_PER_TURN_MS, MOST_PER_TOKEN_US = 1.0, 50.0


@dataclass(frozen=True, slots=True)
class Overhead:
    """Medians: milliseconds that a turn of one token takes, microseconds that each further token takes.

    `cpu_ms`: what the agent's turn needs of this process's time more than the library's, whatever else the machine does.
    """

    name: str
    direct_ms: float
    agent_ms: float
    direct_us: float
    agent_us: float
    cpu_ms: float

    @property
    def per_turn_ms(self) -> float:
        """What the gateway's agent adds to a turn."""
        return self.agent_ms - self.direct_ms

    @property
    def per_token_us(self) -> float:
        """What it adds to a token."""
        return self.agent_us - self.direct_us


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of a call, on the clock and of this process's CPU time."""

    seconds: float
    cpu: float

    @classmethod
    def now(cls) -> Took:
        return cls(time.perf_counter(), time.process_time())

    @classmethod
    def since(cls, begun: Took) -> Took:
        now = cls.now()
        return cls(now.seconds - begun.seconds, now.cpu - begun.cpu)


@dataclass(frozen=True, slots=True)
class AgentReport:
    """`rounds`: how often each call was made; both sides take turns, so both see the same machine."""

    rounds: int
    overheads: tuple[Overhead, ...]


async def run(folder: Path, rounds: int, say: Say) -> AgentReport:
    """On a Postgres of its own with durable defaults."""
    async with open_databases(folder) as databases:
        database = await open_database(databases.gateway)
        try:
            place = await new_place(databases.gateway, "agents")
            overheads = []
            for kind in KINDS:
                for contestant in await kind.contestants(databases.gateway, database, place):
                    say(contestant.name)
                    overheads.append(await _measured(contestant, place, rounds))
        finally:
            await database.close()
    return AgentReport(rounds, tuple(overheads))


async def _measured(contestant: Contestant, place: Place, rounds: int) -> Overhead:
    took: dict[tuple[str, int], list[Took]] = {(side, n): [] for side in ("direct", "agent") for n in (FEW, MANY)}
    for number in range(WARM_UP + rounds):
        for tokens in (FEW, MANY):
            direct = await _direct(contestant, tokens)
            agent = await _agent(contestant, place, tokens)
            if number >= WARM_UP:
                took["direct", tokens].append(direct)
                took["agent", tokens].append(agent)
    middle = {key: median(one.seconds for one in calls) for key, calls in took.items()}
    cpu = {side: median(one.cpu for one in took[side, FEW]) for side in ("direct", "agent")}
    per_token = {side: (middle[side, MANY] - middle[side, FEW]) / (MANY - FEW) * 1e6 for side in ("direct", "agent")}
    return Overhead(
        contestant.name,
        middle["direct", FEW] * 1e3,
        middle["agent", FEW] * 1e3,
        per_token["direct"],
        per_token["agent"],
        (cpu["agent"] - cpu["direct"]) * 1e3,
    )


async def _direct(contestant: Contestant, tokens: int) -> Took:
    begun = Took.now()
    await contestant.direct(tokens)
    return Took.since(begun)


async def _agent(contestant: Contestant, place: Place, tokens: int) -> Took:
    turn = place.turn(tokens, contestant.session)
    begun = Took.now()
    events = contestant.agent.run(turn)
    assert isinstance(events, AsyncGenerator)
    async with aclosing(events):
        async for _ in events:
            pass
    return Took.since(begun)


def show(report: AgentReport) -> None:
    """Prints it on standard output."""
    table = new_table(
        f"Agents beside their libraries, medians of {report.rounds} rounds",
        "agent",
        "library, ms/turn",
        "agent, ms/turn",
        "more",
        "CPU, more",
        "library, µs/token",
        "agent, µs/token",
        "more",
    )
    for one in report.overheads:
        table.add_row(
            one.name,
            f"{one.direct_ms:.2f}",
            f"{one.agent_ms:.2f}",
            _judged(one.per_turn_ms, MOST_PER_TURN_MS, "ms"),
            f"{one.cpu_ms:.2f} ms",
            f"{one.direct_us:.1f}",
            f"{one.agent_us:.1f}",
            _judged(one.per_token_us, MOST_PER_TOKEN_US, "µs"),
        )
    Console(width=WIDTH, highlight=False).print(table)


def _judged(more: float, most: float, unit: str) -> str:
    return f"{more:.2f} {unit} {'≤' if more <= most else '>'} {most:g}"
