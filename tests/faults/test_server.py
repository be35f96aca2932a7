"""The tests' own server does what it is told, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from tests.faults.server import running_server

pytestmark = pytest.mark.faults


async def test_committed_rows_survive_a_crash(tmp_path: Path) -> None:
    """The URL stays the same, too."""
    async with running_server(tmp_path, max_connections="20") as server:
        connection = await asyncpg.connect(server.url)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
        url = server.url
        await server.restart()
        assert connection.is_closed()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT number FROM kept") == 1
        assert await connection.fetchval("SHOW max_connections") == "20"
        await connection.close()


async def test_a_frozen_server_answers_only_once_thawed(tmp_path: Path) -> None:
    """Its connections stay open."""
    async with running_server(tmp_path) as server:
        connection = await asyncpg.connect(server.url)
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        server.freeze()
        with pytest.raises(TimeoutError):
            await asyncpg.connect(server.url, timeout=0.3)
        assert (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "T"
        server.thaw()
        assert await connection.fetchval("SELECT pg_backend_pid()") == pid
        await connection.close()


async def test_a_test_that_fails_leaves_no_process(tmp_path: Path) -> None:
    """Not even a frozen one."""
    pids: list[int] = []

    async def fails() -> None:
        async with running_server(tmp_path) as server:
            pids.append(int((server.cluster / "postmaster.pid").read_text().partition("\n")[0]))
            server.freeze()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
