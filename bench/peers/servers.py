"""Starts each peer with the programs of its own environment on a free port."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import aiohttp

from bench.conversation import REPLY
from bench.errors import BenchError
from bench.peers.talks import AgentOs, Chainlit, LangGraph, Talk
from bench.processes import ROOT, free_port

PROGRAMS = ROOT / "build" / "peers" / "bin"
START_S = 180.0
STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Peer:
    """`packages`: whose versions are reported. `keeps`: where the conversation is stored. `looks`: a path that answers 200 when ready."""

    name: str
    packages: tuple[str, ...]
    keeps: str
    command: Callable[[int], list[str]]
    looks: str
    talk: Callable[[aiohttp.ClientSession, str], Talk]


def _program(name: str, *arguments: str) -> list[str]:
    return [str(PROGRAMS / name), *arguments]


PEERS = (
    Peer(
        "agno AgentOS",
        ("agno",),
        "Postgres",
        lambda _: _program("python", "agno_app.py"),
        "/health",
        AgentOs,
    ),
    Peer(
        "LangGraph server",
        ("langgraph-api", "langgraph"),
        "memory (`langgraph dev`)",
        lambda port: _program(
            "langgraph", "dev", "--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port)
        ),
        "/ok",
        LangGraph,
    ),
    Peer(
        "Chainlit",
        ("chainlit",),
        "memory (no data layer)",
        lambda port: _program("chainlit", "run", "chainlit_app.py", "-h", "--host", "127.0.0.1", "--port", str(port)),
        "/",
        Chainlit,
    ),
)


@asynccontextmanager
async def serving(peer: Peer, folder: Path, database_url: str) -> AsyncIterator[tuple[int, str]]:
    """The process's id and the URL, once it responds; its log is in `folder`."""
    apps = folder / peer.packages[0]
    copytree(ROOT / "bench" / "peers" / "apps", apps)
    port = free_port()
    with (folder / f"{peer.packages[0]}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *peer.command(port), cwd=apps, env=_environment(port, database_url), stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        await _ready(process, url + peer.looks, folder / f"{peer.packages[0]}.log")
        yield process.pid, url
    finally:
        await _end(process)


def _environment(port: int, database_url: str) -> Mapping[str, str]:
    # SQLAlchemy's name of the driver; telemetry is off for all of them.
    told = {
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_NO_VERSION_CHECK": "true",
        "AGNO_TELEMETRY": "false",
        "ANONYMIZED_TELEMETRY": "false",
    }
    place = {"BENCH_PORT": str(port), "BENCH_DATABASE": database_url.replace("postgresql:", "postgresql+psycopg:", 1)}
    return {**os.environ, **told, **place, "BENCH_REPLY": REPLY}


async def _ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < deadline and process.returncode is None:
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
    raise BenchError(f"A peer was not ready:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
