"""Several gateways as real processes, which can be killed, stopped, frozen and restarted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

import orjson

from gateway.app.faults.failpoints import POINTS, Point
from tests.faults.agents import CALLS
from tests.faults.ledger import Incident, Kind, Ledger, Life
from tests.forks import Child, fork

ROOT = Path(__file__).parent.parent.parent
STOP_S = 12.0
# Below the ports that the system hands out to whoever connects: they stay free while a gateway is down.
PORTS = range(12_000, 20_000)
STORE_POINTS: tuple[Point, ...] = ("before_t1", "after_t1", "before_t2", "after_t2", "before_t3", "after_t3")
LATEST_HIT = 12
RETURN_S = 0.5
EVENT_SHOWN = 48
SETTINGS = """
[agents.assistant]
kind = "python"
target = "tests.faults.agents:answer"
timeout_s = 30

[agents.eager]
kind = "python"
target = "tests.faults.agents:answer"
multitask_strategy = "interrupt"

[agents.fickle]
kind = "python"
target = "tests.faults.agents:answer"
multitask_strategy = "rollback"
"""


GATEWAY = ("gateway.cli", "serve", "--config")
"""The module that runs a gateway, and its arguments, to which the settings file is appended."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How gateways notice each other's death, in seconds."""

    heartbeat_s: float = 1.0
    ttl_s: float = 5.0
    sweep_s: float = 0.5
    poll_s: float = 0.25


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A gateway's environment. `environment`: further settings; `program`: the command that runs it."""

    database_url: str
    folder: Path
    timing: Timing
    environment: Mapping[str, str]
    program: Sequence[str] = GATEWAY


@dataclass(slots=True)
class Process:
    """One run of a gateway. `ended_at`: None while it lives; `asked`: whether the harness ended it."""

    child: Child
    log: Path
    ended_at: float | None = None
    asked: bool = False
    frozen_since: float | None = None


class Replica:
    """A place where a gateway runs, one process after another: the same port and data dir, so the same slot."""

    def __init__(self, number: int, around: Surroundings, ledger: Ledger, luck: Random) -> None:
        self.number = number
        self.port = free_port()
        self.lives: list[Process] = []
        self._around = around
        self._ledger = ledger
        self._luck = luck
        self.doomed_share = 0.0
        """The number of its processes with a failpoint: a named place where they kill themselves or lose a connection."""
        self._starting = asyncio.Lock()
        self._watches: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> Process | None:
        """The live process."""
        last = self.lives[-1] if self.lives else None
        return last if last is not None and last.ended_at is None else None

    async def starts(self) -> None:
        """Starts a process, unless one runs; does not wait until it is ready."""
        async with self._starting:
            if self.process is None:
                await self._starts()

    async def _starts(self) -> None:
        log = self._around.folder / f"replica-{self.number}-{len(self.lives) + 1}.log"
        with log.open("wb") as sink:
            child = await fork(
                *(*self._around.program, str(self._settings())),
                folder=ROOT,
                environment={**self._environment(), **self._weak_spot()},
                err=sink,
            )
        process = Process(child, log)
        self.lives.append(process)
        watch = asyncio.create_task(self._watch(process))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def dies(self) -> None:
        """`kill -9`."""
        process = self.process
        if process is None:
            return
        self.thaws()
        process.asked = True
        at = time.time()
        process.child.kill()
        await process.child.wait()
        self._ledger.note(Incident(at, time.time(), "kill", self.number, process.child.pid))

    async def stops(self) -> None:
        """SIGTERM, then `kill -9` after twelve seconds, which counts as having ended by itself."""
        process = self.process
        if process is None:
            return
        self.thaws()
        process.asked = True
        at = time.time()
        process.child.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.child.wait()
        except TimeoutError:
            process.child.kill()
            await process.child.wait()
            self._ledger.note(Incident(at, time.time(), "ended_by_itself", self.number, process.child.pid))
        self._ledger.note(Incident(at, time.time(), "term", self.number, process.child.pid))

    def freezes(self) -> None:
        """SIGSTOP."""
        process = self.process
        if process is not None and process.frozen_since is None:
            process.frozen_since = time.time()
            process.child.send_signal(signal.SIGSTOP)

    def thaws(self) -> None:
        """SIGCONT; does nothing to a process that is not frozen."""
        process = self.process
        if process is not None and process.frozen_since is not None:
            process.child.send_signal(signal.SIGCONT)
            self._ledger.note(Incident(process.frozen_since, time.time(), "freeze", self.number, process.child.pid))
            process.frozen_since = None

    async def ends(self) -> None:
        """Kills any running process, without recording it."""
        process = self.process
        while process is not None:
            process.asked = True
            process.child.kill()
            await process.child.wait()
            await asyncio.gather(*self._watches)
            process = self.process

    def periods(self) -> Sequence[Life]:
        """When its processes were ready, according to their logs."""
        now = time.time()
        return [
            Life(ready, process.ended_at or now, self.number, process.child.pid)
            for process in self.lives
            if (ready := next(_times_of(process.log, "ready"), None)) is not None
        ]

    def drops(self) -> Sequence[Incident]:
        """When its processes lost a connection at a failpoint, according to their logs."""
        return [
            Incident(at, at, "database_drop", self.number, process.child.pid)
            for process in self.lives
            for at in _times_of(process.log, "failpoint", action="drop")
        ]

    def errors(self) -> Counter[str]:
        """What its processes logged as errors, by event."""
        return Counter(event for process in self.lives for event in _errors_in(process.log))

    async def _watch(self, process: Process) -> None:
        number = await process.child.wait()
        at = process.ended_at = time.time()
        if process.asked:
            return
        # Whoever asked for an end notes it; nobody asked for this one, unless a weak spot did.
        kind: Kind = "kill" if number == -signal.SIGKILL else "ended_by_itself"
        self._ledger.note(Incident(at, at, kind, self.number, process.child.pid))
        await asyncio.sleep(RETURN_S)
        await self.starts()

    def _weak_spot(self) -> Mapping[str, str]:
        if self._luck.random() >= self.doomed_share:
            return {}
        action = self._luck.choice(("kill", "kill", "drop"))
        place = self._luck.choice(POINTS if action == "kill" else STORE_POINTS)
        times = self._luck.randint(1, LATEST_HIT)
        return {"TURNGATE_FAILPOINTS": orjson.dumps({place: f"{action}@{times}"}).decode()}

    def _settings(self) -> Path:
        path = self._around.folder / "turngate.toml"
        if not path.exists():
            path.write_text(SETTINGS)
        return path

    def _environment(self) -> Mapping[str, str]:
        around, timing = self._around, self._around.timing
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TURNGATE_")},
            "TURNGATE_DATABASE_URL": around.database_url,
            "TURNGATE_DATA_DIR": str(around.folder / f"replica-{self.number}"),
            "TURNGATE_PORT": str(self.port),
            "TURNGATE_SECRET_KEY": "the-same-for-all-replicas-of-the-storm",
            "TURNGATE_LOG__FORMAT": "json",
            "TURNGATE_REPLICA__HEARTBEAT_S": str(timing.heartbeat_s),
            "TURNGATE_REPLICA__TTL_S": str(timing.ttl_s),
            "TURNGATE_REPLICA__SWEEP_S": str(timing.sweep_s),
            "TURNGATE_REPLICA__POLL_S": str(timing.poll_s),
            CALLS: str(around.folder / "calls.jsonl"),
            **around.environment,
        }


@asynccontextmanager
async def running_cluster(
    places: Sequence[Surroundings], ledger: Ledger, luck: Random
) -> AsyncIterator[Sequence[Replica]]:
    """A gateway in each place, numbered from 1; started and perhaps not ready yet; gone afterwards."""
    replicas = [
        Replica(number, around, ledger, Random(luck.getrandbits(64))) for number, around in enumerate(places, start=1)
    ]
    try:
        for replica in replicas:
            await replica.starts()
        yield replicas
    finally:
        await asyncio.gather(*(replica.ends() for replica in replicas))


def _times_of(log: Path, name: str, **fields: str) -> Iterator[float]:
    for line in log.read_bytes().splitlines():
        if f'"{name}"'.encode() in line and line.startswith(b"{"):
            event = orjson.loads(line)
            if event["event"] == name and all(event[field] == value for field, value in fields.items()):
                yield datetime.fromisoformat(event["timestamp"]).timestamp()


def _errors_in(log: Path) -> Iterator[str]:
    for line in log.read_bytes().splitlines():
        if not line.startswith(b"{"):
            yield "not a log line"
        elif b'"level": "error"' in line or b'"level": "critical"' in line:
            yield str(orjson.loads(line)["event"])[:EVENT_SHOWN]


def free_port() -> int:
    """A port that nobody listens on, outside the range for outgoing connections."""
    for port in Random().sample(PORTS, 100):
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port was found")
