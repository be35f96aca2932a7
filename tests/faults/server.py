"""A PostgreSQL server that tests can stop, restart and freeze."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import asyncpg

from storage.embedded import launch
from storage.embedded.account import server_account
from storage.embedded.binaries import find_binaries
from storage.embedded.server import BARE_ENVIRONMENT, DEFAULTS

PROC = Path("/proc")
START_S = 60.0
STOP_S = 20.0
POLL_S = 0.02
LOG_TAIL = 12  # lines
SIGNALS = {"immediate": signal.SIGQUIT, "fast": signal.SIGINT}
# The system hands out higher ports to whoever connects: one of them could be taken while the server is down,
# or a client that knocks there could even be connected to itself.
PORTS = range(20_000, 32_000)
# The machine does not crash here, so nothing needs to reach the disk; a commit still waits for its record.
OPTIONS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on"}


INITIALIZED: list[Path] = []
"""The files of a server that has never run, once this process has created them."""


class Server:
    """A server with its files in `folder`, which listens on loopback and accepts any user there."""

    def __init__(self, folder: Path, options: dict[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self._options = {**DEFAULTS, **OPTIONS, **options}
        self._binaries = find_binaries()
        self._process: asyncio.subprocess.Process | None = None
        self._frozen = False

    @property
    def url(self) -> str:
        """The URL of the database `turngate`; which stays the same across restarts."""
        return self.url_of("turngate")

    def url_of(self, database: str) -> str:
        """The URL of another database."""
        return f"postgresql://turngate@127.0.0.1:{self.port}/{database}"

    @property
    def cluster(self) -> Path:
        """The server's files."""
        return self.folder / "cluster"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    async def start(self) -> None:
        """Returns when the server accepts connections."""
        if not (self.cluster / "PG_VERSION").exists():
            await self._create()
        parameters = {
            **self._options,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        settings = [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
        self._process = await self._run([str(self._binaries.postgres), "-D", str(self.cluster), *settings])
        deadline = time.monotonic() + START_S
        while not await self._accepts():
            assert self._process.returncode is None, self._said("PostgreSQL ended while starting")
            assert time.monotonic() < deadline, self._said(f"PostgreSQL was not ready after {START_S:.0f} s")
            await asyncio.sleep(POLL_S)

    async def stop(self, mode: Literal["immediate", "fast"] = "immediate") -> None:
        """Stops the server and waits for its end: `immediate` is like a crash, `fast` writes a checkpoint."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        self._thaw(process.pid)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(SIGNALS[mode])
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            for pid in (process.pid, *_children(process.pid)):
                _signal(pid, signal.SIGKILL)
            await process.wait()

    async def restart(self) -> None:
        """Crashes and starts the server."""
        await self.stop("immediate")
        await self.start()

    def freeze(self) -> None:
        """Suspends every process of the server: connections stay open, but get no response."""
        assert self._process is not None
        assert self._process.returncode is None, self._said("PostgreSQL has ended")
        self._frozen = True
        # The postmaster first: it cannot start any more of them then.
        _signal(self._process.pid, signal.SIGSTOP)
        for pid in _children(self._process.pid):
            _signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Resumes a frozen server."""
        if self._process is not None:
            self._thaw(self._process.pid)

    def _thaw(self, postmaster: int) -> None:
        if self._frozen:
            for pid in (*_children(postmaster), postmaster):
                _signal(pid, signal.SIGCONT)
            self._frozen = False

    async def _accepts(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url_of("postgres"), timeout=5)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return False
        try:
            if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = 'turngate'"):
                await connection.execute("CREATE DATABASE turngate")
        finally:
            await connection.close()
        return True

    async def _create(self) -> None:
        """Copies the files, which takes a tenth of the work of initdb."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not INITIALIZED:
            # Not beside this server's own folder, which may be on a small disk of its test.
            place = tempfile.mkdtemp(prefix="initialized-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
            atexit.register(shutil.rmtree, place, ignore_errors=True)
            INITIALIZED.append(self._initialize(Path(place, "cluster")))
        copying = await asyncio.create_subprocess_exec("cp", "-a", str(INITIALIZED[0]), str(self.cluster))
        assert await copying.wait() == 0

    def _initialize(self, cluster: Path) -> Path:
        """Blocks, so that only the first of several servers that start at the same time does it."""
        account = server_account(cluster)
        cluster.mkdir(mode=0o700)
        account.owns(cluster)
        command = [str(self._binaries.initdb), "-D", str(cluster), "--username=turngate", "--encoding=UTF8"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=trust", "--no-sync"]
        with self.log.open("ab") as log:
            done = subprocess.run(
                self._as_account(cluster, [*command, "--no-instructions"]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=BARE_ENVIRONMENT,
                cwd="/",
                check=False,
            )
        assert done.returncode == 0, self._said("PostgreSQL could not create its files")
        return cluster

    def _as_account(self, cluster: Path, command: list[str]) -> list[str]:
        account = server_account(cluster)
        folders = [str(cluster), str(self._binaries.folder)]
        who = ["wait", str(account.uid), str(account.gid), *folders]
        return [sys.executable, "-I", "-S", launch.__file__, *who, "--", *command]

    async def _run(self, command: list[str]) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._as_account(self.cluster, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=BARE_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )

    def _said(self, what: str) -> str:
        return "\n".join(
            [f"{what}. The end of its log:", *self.log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL:]]
        )


class Standby(Server):
    """A streaming standby of `primary`, made by pg_basebackup at its first start."""

    def __init__(self, folder: Path, primary: Server) -> None:
        super().__init__(folder, {})
        self._primary = primary

    async def has_all(self) -> bool:
        """Whether this standby has replayed everything that the primary has committed so far."""
        written = await _ask(self._primary.url, "SELECT pg_current_wal_flush_lsn()::text")
        return bool(await _ask(self.url, f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))

    async def promote(self) -> None:
        """Returns when the server accepts writes."""
        assert await _ask(self.url, "SELECT pg_promote()")

    async def _create(self) -> None:
        account = server_account(self.cluster)
        self.cluster.mkdir(mode=0o700, parents=True)
        account.owns(self.cluster)
        command = [str(self._binaries.folder / "pg_basebackup"), "-D", str(self.cluster), "-d", self._primary.url]
        process = await self._run([*command, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
        assert await process.wait() == 0, self._said("pg_basebackup failed")


async def _ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        answer: object = await connection.fetchval(question)
        return answer
    finally:
        await connection.close()


@asynccontextmanager
async def running_standby(folder: Path, primary: Server) -> AsyncIterator[Standby]:
    """A standby that streams from `primary`, stopped at the end of the block."""
    standby = Standby(folder, primary)
    try:
        await standby.start()
        yield standby
    finally:
        await asyncio.shield(standby.stop())


@asynccontextmanager
async def running_server(folder: Path, **options: str) -> AsyncIterator[Server]:
    """A server that runs in `folder` with these parameters, and is stopped at the end of the block, even if frozen."""
    server = Server(folder, options)
    try:
        await server.start()
        yield server
    finally:
        await asyncio.shield(server.stop())


def free_port() -> int:
    """A free port on loopback."""
    for port in random.sample(PORTS, 100):
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port was found")


def _children(pid: int) -> Iterator[int]:
    """The running child processes of `pid`."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # The second field is a name in parentheses, which may hold anything.
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    yield int(entry.name)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
