"""Processes of the gateway that skip its imports: a server imports everything once, and each process is a fork of it.

A fork is a process like any other: it has its own folder, environment, standard streams and exit code, and takes signals.
`python -m tests.forks SOCKET` is the server. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Protocol, TypedDict

from gateway.cli.commands import tree

ROOT = Path(__file__).parent.parent
PRELOADED = ("channels.telegram.channel", "gateway.agents.openai.agent", "gateway.agents.python.agent")
LONGEST = 1 << 20
"""Bytes of a job: mostly environment."""
STREAMS = 3
START_S = 60.0


class Job(TypedDict):
    """What a fork does: `python -m module words` in that folder."""

    module: str
    words: list[str]
    folder: str
    environment: dict[str, str]


class Child(Protocol):
    """What tests ask of a process, however it was started."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...
    def kill(self) -> None: ...
    def terminate(self) -> None: ...
    def send_signal(self, signal: int, /) -> None: ...


class Fork:
    """A process that the server made; it belongs to the event loop that asked for it."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._ends(connection))

    async def wait(self) -> int:
        """Its exit code; below zero, the signal that ended it."""
        return await asyncio.shield(self._end)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def send_signal(self, signal: int, /) -> None:
        """Raises ProcessLookupError once its end is known here; one that has just ended is left alone, as `subprocess` does."""
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal)

    async def _ends(self, connection: socket.socket) -> int:
        with connection:
            told = await asyncio.get_running_loop().sock_recv(connection, 32)
        self.returncode = int(told)
        return self.returncode


async def fork(
    module: str,
    *words: str,
    folder: Path,
    environment: Mapping[str, str],
    err: IO[bytes],
    out: IO[bytes] | None = None,
) -> Fork:
    """A process that runs `python -m module words`; its standard input is empty, and so is its output without `out`."""
    job = Job(module=module, words=list(words), folder=str(folder), environment=dict(environment))
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
    connection.connect(_server())
    nothing = os.open(os.devnull, os.O_RDWR)
    socket.send_fds(
        connection, [json.dumps(job).encode()], [nothing, nothing if out is None else out.fileno(), err.fileno()]
    )
    os.close(nothing)
    connection.setblocking(False)
    return Fork(int(await asyncio.get_running_loop().sock_recv(connection, 32)), connection)


@functools.cache
def _server() -> str:
    """The socket of this process's server, which runs from the first fork on."""
    folder = tempfile.TemporaryDirectory(prefix="forks-")
    path = f"{folder.name}/socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.forks", path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n", "the server of forks did not start: its error is above"

    def end() -> None:
        server.communicate(timeout=START_S)
        folder.cleanup()

    atexit.register(end)
    return path


def main(path: str) -> None:
    """Serves until standard input ends; in a fork, runs its job."""
    for module in PRELOADED:
        import_module(module)
    tree()
    gc.collect()
    gc.freeze()
    assert threading.active_count() == 1, "a fork would lack the other threads"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        job = _serve(listener)
    if job is not None:
        _run(job)


def _serve(listener: socket.socket) -> Job | None:
    """The job, in a fork; None in the server, at its end."""
    ends: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return None
                if key.fileobj is listener:
                    if (job := _fork(listener, selector, ends)) is not None:
                        return job
                else:
                    selector.unregister(key.fileobj)
                    _tell(key.fd, *ends.pop(key.fd))


def _fork(
    listener: socket.socket, selector: selectors.BaseSelector, ends: dict[int, tuple[int, socket.socket]]
) -> Job | None:
    connection, _ = listener.accept()
    text, streams, _, _ = socket.recv_fds(connection, LONGEST, STREAMS)
    pid = os.fork()
    if pid == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        for descriptor in (*streams, *ends):
            os.close(descriptor)
        for other in (connection, *(asker for _, asker in ends.values())):
            other.close()
        job: Job = json.loads(text)
        return job
    for stream in streams:
        os.close(stream)
    connection.send(str(pid).encode())
    ended = os.pidfd_open(pid)
    ends[ended] = (pid, connection)
    selector.register(ended, selectors.EVENT_READ)
    return None


def _tell(ended: int, pid: int, connection: socket.socket) -> None:
    os.close(ended)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with connection:
        try:
            connection.send(str(code).encode())
        except (BrokenPipeError, ConnectionResetError):
            return  # nobody waits for it any more


def _run(job: Job) -> None:
    # Tests that run in the background of a shell ignore Ctrl-C, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.path[0] = job["folder"]
    sys.path[1:1] = filter(None, job["environment"].get("PYTHONPATH", "").split(os.pathsep))
    sys.argv[1:] = job["words"]
    runpy.run_module(job["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
