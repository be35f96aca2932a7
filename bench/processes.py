"""The processes under measurement: each one is started and ended here."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.commands import ANSWER, COMMAND, Answer, Command
from bench.conversation import AGENT
from bench.errors import BenchError

ROOT = Path(__file__).resolve().parent.parent
START_S = 180.0
STOP_S = 12.0
ANSWER_S = 300.0
LINE_MAX = 64 * 1024 * 1024  # bytes: a line contains all latencies of a round
OPEN_FILES = 16_384


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens at `url`."""

    process: asyncio.subprocess.Process
    url: str

    def resident(self) -> int:
        """The process's memory, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            return int(status.read_text().partition("VmRSS:")[2].split()[0]) * 1024
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, check=True)
        return int(said.stdout) * 1024


def allow_many_sockets() -> int:
    """Raises the limit of open files for this process and its children; returns the new limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


@asynccontextmanager
async def gateway(folder: Path, database_url: str, name: str, more: str = "", port: int = 0) -> AsyncIterator[Server]:
    """`turngate serve` with an instant agent, and otherwise its defaults. `more`: tables of its settings."""
    settings = folder / f"{name}.toml"
    settings.write_text(
        f"database_url = {json.dumps(database_url)}\n"
        f"data_dir = {json.dumps(str(folder / name))}\n"
        f"{_place(port)}"
        '[log]\nformat = "json"\n'
        f'[agents.{AGENT}]\nkind = "python"\ntarget = "bench.agent:answer"\n'
        f"{more}"
    )
    async with _server(folder / f"{name}.log", "gateway.cli", "serve", "--config", str(settings)) as server:
        yield server


def _place(port: int) -> str:
    return f'port = {port}\npublic_url = "http://127.0.0.1:{port}"\n' if port else "port = 0\n"


def free_port() -> int:
    """A free port, for servers that take its number as an argument."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def bare_loop(folder: Path, database_url: str) -> AsyncIterator[Server]:
    """The competitor."""
    async with _server(folder / "bare.log", "bench.bare", database_url) as server:
        yield server


@asynccontextmanager
async def _server(log: Path, module: str, *arguments: str) -> AsyncIterator[Server]:
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=ROOT,
            env=_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=sink,
        )
    try:
        yield Server(process, await _url(process, log))
    finally:
        await _end(process)


def _environment() -> Mapping[str, str]:
    """This process's environment without the gateway's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TURNGATE_")}


async def _url(process: asyncio.subprocess.Process, log: Path) -> str:
    """The URL in the log's `ready` event."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (url := _ready(log)) is not None:
            return url
        if process.returncode is not None:
            raise BenchError(f"A server ended at its start ({process.returncode}):\n{_end_of(log)}")
        await asyncio.sleep(0.02)
    raise BenchError(f"A server was not ready after {START_S:.0f} s; its log is {log}.")


def _ready(log: Path) -> str | None:
    for line in log.read_text("utf-8").splitlines():
        if line.startswith("{") and line.endswith("}") and (event := json.loads(line))["event"] == "ready":
            return str(event["url"])
    return None


def _end_of(log: Path) -> str:
    return log.read_text("utf-8")[-2000:]


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


@dataclass(frozen=True, slots=True)
class Client:
    """The measuring process."""

    process: asyncio.subprocess.Process

    async def obey(self, command: Command) -> Answer:
        """Raises `BenchError` if it ends or takes too long to answer; its error output goes to our stderr."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(COMMAND.dump_json(command) + b"\n")
        await self.process.stdin.drain()
        try:
            async with asyncio.timeout(ANSWER_S):
                line = await self.process.stdout.readline()
        except TimeoutError:
            raise BenchError(f"The client did not answer {command.do!r} within {ANSWER_S:.0f} s.") from None
        if not line:
            raise BenchError(f"The client ended during {command.do!r}; see above.")
        return ANSWER.validate_json(line)


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    """The same process for everything that is measured over WebSockets."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.client"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_MAX,
    )
    try:
        yield Client(process)
    finally:
        await _end(process)
