"""Processes that tests fork from a server behave like those that `subprocess` starts."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.forks import fork


async def test_a_fork_that_has_just_ended_may_be_killed(tmp_path: Path) -> None:
    """The server has collected it, and the event loop has not heard of that yet."""
    with (tmp_path / "err").open("wb") as err:
        child = await fork("http.server", "0", "--bind", "127.0.0.1", folder=tmp_path, environment={}, err=err)
    os.kill(child.pid, signal.SIGKILL)
    collected(child.pid)
    child.kill()
    assert await child.wait() == -signal.SIGKILL


def collected(pid: int) -> None:
    """Waits without letting the event loop run."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "nobody collected the process"
