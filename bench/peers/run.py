"""The same conversations with Turngate and its peers, one server after another, in rounds."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp

from bench import cpu, processes
from bench.commands import Answer
from bench.conversation import user_name
from bench.databases import fresh_database, open_databases, seed
from bench.errors import BenchError
from bench.measure import Say
from bench.peers.servers import PEERS, PROGRAMS, Peer, serving
from bench.peers.talks import Talk, TurngateHttp, TurngateSocket
from bench.results import Pace, pace

LEVELS = (1, 16)
ROUNDS = 3
GROUP = "peer"


@dataclass(frozen=True, slots=True)
class PeerPace:
    """Medians of the rounds. `cpu_us`: processor time of the server alone, per turn."""

    name: str
    version: str
    keeps: str
    sessions: int
    pace: Pace
    cpu_us: float


@dataclass(frozen=True, slots=True)
class PeerReport:
    """In the order of measurement."""

    paces: Sequence[PeerPace]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A running server."""

    name: str
    version: str
    keeps: str
    pid: int
    url: str
    talk: Callable[[aiohttp.ClientSession, str], Talk]


async def run(folder: Path, seconds: float, say: Say) -> PeerReport:
    """Raises `BenchError` if the peers aren't installed or one does not start."""
    if not PROGRAMS.exists():
        raise BenchError("The peers are not installed. Run `make bench-peers`.")
    async with AsyncExitStack() as stack:
        say("starting Postgres")
        databases = await stack.enter_async_context(open_databases(folder / "data"))
        await seed(databases.gateway, GROUP, max(LEVELS), 0)
        gateway = await stack.enter_async_context(processes.gateway(folder, databases.gateway, "gateway"))
        ours = [
            Contestant("Turngate, WebSocket", "", "Postgres", gateway.process.pid, gateway.url, TurngateSocket),
            Contestant("Turngate, HTTP", "", "Postgres", gateway.process.pid, gateway.url, TurngateHttp),
        ]
        database = await fresh_database(databases.gateway, "agno")
        theirs = []
        for peer in PEERS:
            say(f"starting {peer.name}")
            pid, url = await stack.enter_async_context(serving(peer, folder, database))
            theirs.append(Contestant(peer.name, _version(peer), peer.keeps, pid, url, peer.talk))
        return PeerReport(
            [one for sessions in LEVELS for one in await _level([*ours, *theirs], sessions, seconds, say)]
        )


def _version(peer: Peer) -> str:
    told = "from importlib.metadata import version; import sys; print(*map(version, sys.argv[1:]))"
    said = subprocess.run([PROGRAMS / "python", "-c", told, *peer.packages], capture_output=True, check=True, text=True)
    return said.stdout.strip().replace(" ", ", ")


async def _level(contestants: Sequence[Contestant], sessions: int, seconds: float, say: Say) -> list[PeerPace]:
    rounds: dict[str, list[tuple[Pace, float]]] = {one.name: [] for one in contestants}
    for number in range(ROUNDS):
        for one in contestants:
            say(f"{sessions} sessions, round {number + 1} of {ROUNDS}, {one.name}")
            rounds[one.name].append(await _round(one, sessions, seconds))
    return [_middle(one, sessions, rounds[one.name]) for one in contestants]


async def _round(one: Contestant, sessions: int, seconds: float) -> tuple[Pace, float]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        talks = [one.talk(http, one.url) for _ in range(sessions)]
        await asyncio.gather(*(talk.open(user_name(GROUP, place + 1)) for place, talk in enumerate(talks)))
        # The first turn does the work that is needed once per session.
        await asyncio.gather(*(talk.turn() for talk in talks))
        before, begun = cpu.family(one.pid), time.monotonic()
        spoken = await asyncio.gather(*(_talk(talk, begun + seconds) for talk in talks))
        used, took = cpu.family(one.pid) - before, time.monotonic() - begun
        await asyncio.gather(*(talk.close() for talk in talks))
    latencies = tuple(latency for each in spoken for latency in each)
    return pace(Answer(latencies, took)), used * 1_000_000 / len(latencies)


async def _talk(talk: Talk, ends: float) -> list[int]:
    latencies: list[int] = []
    while time.monotonic() < ends or not latencies:
        begun = time.perf_counter_ns()
        await talk.turn()
        latencies.append((time.perf_counter_ns() - begun) // 1000)
    return latencies


def _middle(one: Contestant, sessions: int, rounds: Sequence[tuple[Pace, float]]) -> PeerPace:
    paces = [each for each, _ in rounds]
    middle = Pace(*(median(getattr(each, name) for each in paces) for name in ("turns_per_s", "p50_ms", "p99_ms")))
    return PeerPace(one.name, one.version, one.keeps, sessions, middle, median(used for _, used in rounds))
