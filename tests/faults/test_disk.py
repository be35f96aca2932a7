"""The database's disk is full."""

from __future__ import annotations

import asyncio
import os
import random
import string
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.faults.http_clients import all_is_answered, caller
from tests.faults.server import Server, running_server
from tests.world import World, eventually

pytestmark = pytest.mark.faults

DISK = "180m"
LUCK = random.Random(16)
TRIGGER = """
    CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'could not extend file: no space left'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON chat_messages FOR EACH ROW EXECUTE FUNCTION disk_is_full();
"""


class Disk:
    """A small disk with a server on it, filled by a file that can be deleted again."""

    def __init__(self, server: Server, ballast: Path) -> None:
        self.server = server
        self._ballast = ballast

    async def fills(self) -> None:
        """Leaves not a byte free."""
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\1" * 65_536)

    async def has_room(self) -> None:
        """Makes room again."""
        self._ballast.unlink()


class Refusal(Disk):
    """Used where nothing can be mounted: a trigger raises the error of a full disk, so the disk itself is not tested."""

    def __init__(self, server: Server) -> None:
        super().__init__(server, Path(os.devnull))

    async def fills(self) -> None:
        await self._execute(TRIGGER)

    async def has_room(self) -> None:
        await self._execute("DROP TRIGGER full_disk ON chat_messages; DROP FUNCTION disk_is_full")

    async def _execute(self, statements: str) -> None:
        connection = await asyncpg.connect(self.server.url)
        await connection.execute(statements)
        await connection.close()


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Whether `folder` is now a small disk of its own; mounting takes root, and more than that in a container."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0711", "turngate-test", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest_asyncio.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    """A server whose disk can be filled."""
    folder = tmp_path / "disk"
    with small_disk(folder) as is_small:
        async with running_server(folder / "server", max_wal_size="32MB", wal_recycle="off") as server:
            yield Disk(server, folder / "ballast") if is_small else Refusal(server)


@pytest_asyncio.fixture
async def world(disk: Disk, tmp_path: Path) -> AsyncIterator[World]:
    """A world on that server."""
    async with AsyncExitStack() as stack:
        yield World(disk.server.url, tmp_path, stack)


def bulky() -> str:
    """An incompressible text that makes the database allocate new pages."""
    return "".join(LUCK.choices(string.ascii_letters + string.digits, k=90_000))


async def test_a_full_disk_acknowledges_nothing(world: World, disk: Disk) -> None:
    """Row 16: T1 fails while the disk is full, and the same message is accepted once there is room."""
    gateway = await world.gateway()
    ann = await caller(await world.person("ann", gateway.url))
    await ann.sends_until_answered("hello", "m0")
    await disk.fills()
    texts = {f"m{number}": bulky() for number in range(1, 4)}
    for key, text in texts.items():
        refused = await ann.sends(text, key)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    rows = await world.rows("SELECT FROM chat_messages")
    assert len(rows) == 2
    await disk.has_room()
    await asyncio.gather(*(ann.sends_until_answered(text, key) for key, text in texts.items()))
    await eventually(lambda: all_is_answered(world))


async def test_no_room_for_wal_crashes_only_the_database(world: World, disk: Disk) -> None:
    """Row 16: PostgreSQL panics when it cannot write WAL; the gateway waits, and continues when the database is back.

    Where no small disk can be mounted, the test crashes the server itself.
    """
    gateway = await world.gateway()
    ann = await caller(await world.person("ann", gateway.url))
    await ann.sends_until_answered("hello", "m0")
    await disk.fills()
    await _exhausts_wal(disk)
    refused = await ann.sends("more", "m1")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    await disk.server.stop()
    if not isinstance(disk, Refusal):
        await disk.has_room()
    await disk.server.start()
    if isinstance(disk, Refusal):
        await disk.has_room()
    await ann.sends_until_answered("more", "m1")
    await eventually(lambda: all_is_answered(world))
    assert not gateway.ended.is_set()


async def _exhausts_wal(disk: Disk) -> None:
    """Fills segments until the server crashes."""
    if isinstance(disk, Refusal):
        await disk.server.stop()
        return
    with suppress(OSError, asyncpg.PostgresConnectionError, asyncpg.CrashShutdownError):
        connection = await asyncpg.connect(disk.server.url)
        for _ in range(100):
            await connection.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000))")
            await connection.execute("SELECT pg_switch_wal()")
        pytest.fail("the server survived")
