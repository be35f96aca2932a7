"""The maximum of Postgres itself: T1 and T2 without anything else."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from bench.commands import ANSWER, Answer
from bench.conversation import QUESTION, REPLY, ROUTE
from bench.databases import SQL
from bench.errors import BenchError
from bench.processes import ROOT
from storage.embedded.binaries import find_binaries
from storage.identity import APP_ROLE

MOST_CONNECTIONS = 16
"""As many as the gateway's pool has; more are slower where cores are few."""
WARM_S = 1
"""Seconds that don't count: a new connection compiles the functions first."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`driver`: pgbench, or an asyncpg loop if there is no pgbench."""

    database_url: str
    pgbench: Path | None

    @property
    def driver(self) -> Literal["pgbench", "asyncpg loop"]:
        return "asyncpg loop" if self.pgbench is None else "pgbench"

    async def measure(self, sessions: int, seconds: int) -> Answer:
        """Runs both statements in turn on one connection per session, at most 16; a latency is the sum of both."""
        connections = min(sessions, MOST_CONNECTIONS)
        if self.pgbench is None:
            return await _loop(self.database_url, connections, seconds)
        return await _pgbench(self.pgbench, self.database_url, connections, seconds)


def find_ceiling(database_url: str) -> Ceiling:
    """The pgbench of the embedded server or of the system."""
    own = find_binaries().folder / "pgbench"
    system = shutil.which("pgbench")
    return Ceiling(database_url, own if own.exists() else Path(system) if system else None)


async def _pgbench(program: Path, url: str, connections: int, seconds: int) -> Answer:
    target = urlsplit(url)
    place = parse_qs(target.query)
    with TemporaryDirectory(prefix="pgbench-") as folder:
        command = [
            *(str(program), "--no-vacuum", "--protocol=prepared", f"--file={SQL / 'turn.pgbench.sql'}"),
            *(f"--client={connections}", f"--jobs={min(connections, 2)}", f"--time={WARM_S + seconds}", "--log"),
            *(f"--define=question={QUESTION}", f"--define=reply={REPLY}", f"--define=route={ROUTE}"),
            *("-h", place["host"][0], "-p", place["port"][0], "-U", target.username or "", target.path.lstrip("/")),
        ]
        await _run(command, folder)
        return Answer(_logged(Path(folder), seconds), float(seconds))


def _logged(folder: Path, seconds: int) -> tuple[int, ...]:
    """Latencies of the last `seconds`: https://www.postgresql.org/docs/18/pgbench.html, "Per-Transaction Logging"."""
    rows = [line.split() for log in folder.glob("pgbench_log.*") for line in log.read_text().splitlines()]
    ended = [int(row[4]) + int(row[5]) / 1_000_000 for row in rows]
    begun = max(ended, default=0.0) - seconds
    return tuple(int(row[2]) for row, at in zip(rows, ended, strict=True) if at >= begun)


async def _run(command: list[str], folder: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "PGOPTIONS": f"-c role={APP_ROLE}"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"pgbench failed: {said.decode(errors='replace')}")


async def _loop(url: str, connections: int, seconds: int) -> Answer:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.statements", url, str(connections), str(seconds)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise BenchError("The asyncpg loop failed; see above.")
    return ANSWER.validate_json(said)
