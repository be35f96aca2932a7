"""The embedded server dies under running gateways: they restart it and continue."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from gateway.app.running.serve import Running, running_gateway
from gateway.config import Settings
from storage.embedded import EmbeddedPostgres, embedded_postgres
from storage.embedded.binaries import find_binaries
from storage.embedded.layout import Layout
from storage.embedded.postmaster import postmaster
from storage.embedded.supervisor import supervised
from tests.conftest import FAST
from tests.faults.http_clients import Caller, caller
from tests.world import World, eventually

pytestmark = pytest.mark.faults


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The paths of the embedded server."""
    return Layout.of(tmp_path / "data")


@pytest_asyncio.fixture
async def place(layout: Layout, tmp_path: Path) -> AsyncIterator[World]:
    """A world on an embedded server whose gateways start and stop it."""
    async with AsyncExitStack() as stack:
        yield World(layout.url, tmp_path, stack)


async def starts(place: World) -> Running:
    """Starts one more gateway on the data dir."""
    settings = Settings(data_dir=place.folder / "data", port=0)
    running = await place._stack.enter_async_context(running_gateway(settings))
    await running.until(running.ready)
    return running


async def somebody(place: World, gateway: Running, name: str = "ann") -> Caller:
    return await caller(await place.person(name, gateway.url))


def dies(layout: Layout) -> None:
    """Kills the postmaster with kill -9."""
    os.kill(_postmaster(layout), signal.SIGKILL)


def _postmaster(layout: Layout) -> int:
    pid = postmaster(layout)
    assert pid is not None
    return pid


async def test_a_dead_server_is_started_again(place: World, layout: Layout) -> None:
    """After `kill -9` of the postmaster under a running gateway, the next message is answered."""
    ann = await somebody(place, await starts(place))
    await ann.sends_until_answered("count to 2", "m1")
    dies(layout)
    assert (await ann.sends_until_answered("count to 3", "m2")).endswith("3.")


async def test_two_gateways_start_one_server(place: World, layout: Layout) -> None:
    """Both notice, one restarts the server, and both continue."""
    people = [await somebody(place, await starts(place), name) for name in ("ann", "bob")]
    dies(layout)
    for who in people:
        assert (await who.sends_until_answered("count to 3", "m1")).endswith("3.")
    assert layout.log.read_text().count("starting PostgreSQL") == 2


async def test_a_server_stopped_on_purpose_stays_stopped(layout: Layout, caplog: pytest.LogCaptureFixture) -> None:
    """A server that an operator stops stays stopped, and the log says so; if it dies after its next start, it is restarted again."""
    caplog.set_level(logging.WARNING)
    data_dir = layout.folder.parent
    async with embedded_postgres(data_dir, FAST):
        os.kill(_postmaster(layout), signal.SIGINT)
        await eventually(lambda: says(caplog, "was stopped by something else"))
        assert postmaster(layout) is None
        async with embedded_postgres(data_dir, FAST):
            dies(layout)
            await eventually(lambda: says(caplog, "is running again"))


async def test_a_failed_start_is_retried(layout: Layout, caplog: pytest.LogCaptureFixture) -> None:
    """The log says why, and the server is back once the cause is gone."""
    async with embedded_postgres(layout.folder.parent, FAST):
        configuration = layout.cluster / "postgresql.conf"
        good = configuration.read_text()
        configuration.write_text(f"{good}\nno_such_setting = 1\n")
        dies(layout)
        await eventually(lambda: says(caplog, "no_such_setting"))
        configuration.write_text(good)
        await eventually(lambda: says(caplog, "is running again"))


@dataclass(frozen=True)
class DiesAgain(EmbeddedPostgres):
    """Its first start ends with a broken connection."""

    starts: list[None] = field(default_factory=list)

    async def start(self) -> None:
        """Succeeds from the second time on."""
        self.starts.append(None)
        if len(self.starts) == 1:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        await super().start()


async def test_a_server_that_dies_while_it_starts_is_started_again(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever error the start raises, the server stays watched."""
    server = EmbeddedPostgres(layout, find_binaries(), FAST)
    server.prepare()
    await server.start()
    async with supervised(DiesAgain(layout, find_binaries(), FAST)):
        dies(layout)
        await eventually(lambda: says(caplog, "is running again"))
    assert await server.stop()


async def says(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text
