"""Runs a gateway until it is told to stop, and then drains it: within ten seconds, whatever the database does."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from ipaddress import ip_address
from typing import Protocol

import structlog

import storage.migrating.migrate
from channels.table import known_channels
from gateway.api.listening import Port
from gateway.api.requests.connections import raise_file_limit
from gateway.app.building.compose import Gateway, build_gateway
from gateway.app.building.seams import Seams
from gateway.app.building.stores import connect_stores, open_postgres
from gateway.app.faults.failing import failing_seams
from gateway.app.running.collection import tune_collection
from gateway.app.running.sign_in import OWNER, command, local_url, new_sign_in
from gateway.app.running.slot import take_slot
from gateway.app.running.watchdog import watchdog
from gateway.background_writer import BackgroundWriter
from gateway.config import Settings
from gateway.core.measuring.metrics import BUILD
from gateway.core.ports.agents import Closing
from gateway.errors import DatabaseMisconfigured, GatewayError, SettingsError, StoreUnavailable

log = structlog.get_logger(__name__)

RETRY_S = 1.0
TURNS_DRAIN_S = 3.0
OUTBOX_DRAIN_S = 2.0
STEP_S = 1.5


async def serve(settings: Settings, seams: Seams | None = None) -> None:
    """Runs until SIGTERM or SIGINT. `seams`: inserted between its parts. Raises `SettingsError` if only other settings can help."""
    raise_file_limit()
    BUILD.labels(version("turngate")).set(1)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    with watchdog():
        async with running_gateway(settings, seams) as running:
            running.when_ready = tune_collection
            await running.until(stopping)


class Running:
    """A running gateway. `url`: where it listens. `failed`: what stopped it, if it stopped by itself."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self.gateway = gateway
        self.url = url
        self.ready = asyncio.Event()
        self.failed: GatewayError | None = None
        self.ended = asyncio.Event()
        self.when_ready: Callable[[], None] = lambda: None
        self.takers: list[asyncio.Task[None]] = []
        """The tasks that take new work in; the first to stop."""

    async def until(self, stopping: asyncio.Event) -> None:
        """Returns when asked to stop; raises what stopped the gateway by itself."""
        waits = [asyncio.ensure_future(stopping.wait()), asyncio.ensure_future(self.ended.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.failed is not None:
            raise self.failed


@asynccontextmanager
async def running_gateway(settings: Settings, seams: Seams | None = None) -> AsyncIterator[Running]:
    """A gateway that listens at once and serves as soon as its database does; drained on exit."""
    seams = seams or failing_seams(settings.failpoints)
    async with AsyncExitStack() as stack:
        slot = stack.enter_context(take_slot(settings.data_dir))
        url = await stack.enter_async_context(open_postgres(settings))
        stores = await stack.enter_async_context(connect_stores(settings, slot.name, seams.database))
        gateway = build_gateway(settings, stores, seams)
        running = Running(gateway, await _listen(gateway, stack))
        slot.tell(running.url)
        work = asyncio.create_task(_work(running, url), name="gateway")
        try:
            yield running
        finally:
            await _drain(running, work)


async def _listen(gateway: Gateway, stack: AsyncExitStack) -> str:
    """Opens the port; returns the URL that reaches it from this machine."""
    settings = gateway.settings
    port = Port(gateway.api, settings.limits)
    stack.push_async_callback(lambda: _bounded("http", port.close()))
    return local_url(settings.host, await port.open(settings.host, settings.port))


async def _work(running: Running, database_url: str) -> None:
    gateway = running.gateway
    try:
        await _prepare(gateway, database_url)
        async with asyncio.TaskGroup() as group:
            parts: tuple[Supervised, ...] = (
                gateway.heartbeat_thread,
                gateway.engine.notifier,
                gateway.replica_listener,
                gateway.change_reader,
            )
            chores: tuple[Supervised, ...] = (
                gateway.work_poller,
                gateway.indexer,
                gateway.housekeeping,
                *gateway.duties.others,
                gateway.engine.adding_up,
            )
            for part in (*parts, *chores):
                group.create_task(_supervised(part))
            takers: tuple[Supervised, ...] = (gateway.duties.sweep, gateway.scheduler, *gateway.engine.networks)
            running.takers = [group.create_task(_supervised(part)) for part in takers]
            await _say_ready(running)
    except SettingsError as error:
        running.failed = error
    except Exception as error:
        log.exception("gateway_failed")
        running.failed = GatewayError(f"The gateway stopped unexpectedly: {type(error).__name__}: {error}")
    finally:
        running.ended.set()


class Supervised(Protocol):
    """Something that runs for as long as the gateway does."""

    async def run(self) -> None: ...


async def _supervised(part: Supervised) -> None:
    """Runs a part, and restarts it when it fails: an unforeseen error in one does not end the others."""
    while True:
        try:
            return await part.run()
        except Exception:
            log.exception("part_failed", part=type(part).__name__, retry_s=RETRY_S)
            await asyncio.sleep(RETRY_S)


async def _prepare(gateway: Gateway, database_url: str) -> None:
    """Migrates and registers the replica; waits while the database is unavailable.

    Raises `SettingsError` if the connections would not keep users' rows apart.
    """
    while True:
        try:
            applied = await storage.migrating.migrate.migrate(database_url, channels=known_channels())
            await gateway.stores.database.prove()
        except DatabaseMisconfigured as error:
            raise SettingsError(str(error)) from error
        except StoreUnavailable as error:
            log.warning("database_away", reason=str(error), retry_s=RETRY_S)
            await asyncio.sleep(RETRY_S)
            continue
        if applied:
            log.info("migrated", applied=len(applied))
        gateway.engine.health.migrated = True
        if await gateway.engine.heartbeat.beat():
            return
        await asyncio.sleep(RETRY_S)


async def _say_ready(running: Running) -> None:
    settings = running.gateway.settings
    url = settings.public_url or running.url
    running.when_ready()
    running.ready.set()
    log.info("ready", url=url, agents=list(settings.agents), channels=[n.name for n in running.gateway.engine.networks])
    # There may be no reader, or its disk may be full.
    BackgroundWriter(sys.stdout).put(await _welcome(running.gateway, url))


async def _welcome(gateway: Gateway, url: str) -> str:
    """Says how to sign in. Output that is not a terminal, such as a service's log, may be kept and read by many: it gets no code."""
    if not sys.stdout.isatty() or not _is_loopback(gateway.settings.host):
        return f"\n  Open {url}\n  For a link that signs you in, run: {command(gateway.settings)}\n\n"
    address = await new_sign_in(gateway.stores.tokens, url, OWNER, "operator")
    return f"\n  Open {address}\n  It signs you in as {OWNER}, works once, and expires in an hour.\n\n"


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


async def _drain(running: Running, work: asyncio.Task[None]) -> None:
    """Accepts no new work; lets running turns finish for a moment; hands the rest over."""
    gateway, begun = running.gateway, time.monotonic()
    gateway.engine.health.draining = True
    log.info("stopping", turns=len(gateway.engine.runner.running))
    await _ended(running.takers)
    await _bounded("turns", gateway.engine.runner.drain(TURNS_DRAIN_S), TURNS_DRAIN_S + STEP_S)
    await _bounded("titles", gateway.engine.titler.stop())
    await _bounded("sockets", gateway.sockets.drain())
    await _bounded("outbox", gateway.engine.outbox.drain(OUTBOX_DRAIN_S), OUTBOX_DRAIN_S + 0.5)
    await _ended([work])
    for network in gateway.engine.networks:
        await _bounded("network", network.close(), 0.5)
    for agent in gateway.engine.agents.values():
        if isinstance(agent, Closing):
            await _bounded("agent", agent.aclose(), 0.5)
    await _bounded("lease", gateway.stores.replicas.leave(), 0.5)
    log.info("stopped", seconds=round(time.monotonic() - begun, 2))


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STEP_S)


async def _bounded(name: str, step: Coroutine[None, None, object], seconds: float = STEP_S) -> None:
    """Runs one step of stopping; if it fails or hangs, even while being cancelled, the other steps still run."""
    task = asyncio.create_task(step, name=name)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        log.warning("stopping_step_gave_up", step=task.get_name(), reason="too slow")
    elif not task.cancelled() and (error := task.exception()) is not None:
        log.warning("stopping_step_gave_up", step=task.get_name(), reason=str(error))
