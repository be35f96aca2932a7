"""Carries out the faults of a storm, and records them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from random import Random

from tests.fakes.bot_api import FakeBotApi, Fault
from tests.faults.cluster import Replica
from tests.faults.ledger import Incident, Kind, Ledger
from tests.faults.proxy import Proxy
from tests.faults.server import Server
from tests.faults.weather import Blow
from tests.faults.websocket_clients import Talker

SLOW_S = 0.15
LASTING = frozenset({"delay", "hang"})
FOR_ALL_SHARE = 0.5
AWAY_S = 1.5
"""The longest time that a gateway stays down, in seconds."""


@dataclass(frozen=True, slots=True)
class Network:
    """One gateway's proxies to the database and to the Bot API."""

    database: Proxy
    bot_api: Proxy


@dataclass(frozen=True, slots=True)
class Breakable:
    """What can break. `networks`: one for each replica."""

    server: Server
    networks: Sequence[Network]
    fake: FakeBotApi
    replicas: Sequence[Replica]
    talkers: Sequence[Talker]


class Breakage:
    """Carries out the blows of each front in order, and all fronts at the same time."""

    def __init__(self, world: Breakable, ledger: Ledger, luck: Random) -> None:
        self._world = world
        self._ledger = ledger
        self._luck = luck
        self._begun = time.monotonic()
        self._returns: set[asyncio.Task[None]] = set()

    async def happens(self, blows: Sequence[Blow]) -> None:
        """Carries out each blow at its time, or as soon as the previous one is over."""
        for blow in blows:
            await asyncio.sleep(max(0.0, self._begun + blow.after - time.monotonic()))
            await self._does(blow)

    async def ends(self) -> None:
        """Ends all faults: processes run, networks pass data, and no fault is planned."""
        await asyncio.gather(*self._returns)
        for replica in self._world.replicas:
            replica.doomed_share = 0.0
            replica.thaws()
            await replica.starts()
        self._world.server.thaw()
        for network in self._world.networks:
            network.database.heals()
            network.bot_api.heals()
        self._world.fake.recovers()

    async def _does(self, blow: Blow) -> None:
        match blow.kind:
            case "kill" | "term" | "freeze" | "ended_by_itself":
                self._gateway(blow)
            case "database_restart" | "database_freeze":
                await self._postgres(blow)
            case "socket_cut":
                self._socket(blow)
            case "bot_429" | "bot_5xx" | "bot_5xx_delivered" | "bot_lost":
                self._bot(blow)
            case _:
                await self._network(blow)

    def _note(self, kind: Kind, at: float, replica: Replica | None = None) -> None:
        """Records an incident of all gateways, or of the one whose network it happened in."""
        process = None if replica is None else replica.process
        number, pid = None if replica is None else replica.number, None if process is None else process.child.pid
        self._ledger.note(Incident(at, time.time(), kind, number, pid))

    # Gateways ---------------------------------------------------------------------------------------------------------

    def _gateway(self, blow: Blow) -> None:
        living = [replica for replica in self._world.replicas if replica.process is not None]
        if not living:
            return
        replica = living[blow.place % len(living)]
        if blow.kind == "freeze":
            replica.freezes()
            self._later(self._thaw(replica, blow.lasts_s))
        else:
            self._later(self._end(replica, blow))

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)

    async def _thaw(self, replica: Replica, after_s: float) -> None:
        await asyncio.sleep(after_s)
        replica.thaws()

    async def _end(self, replica: Replica, blow: Blow) -> None:
        await (replica.dies() if blow.kind == "kill" else replica.stops())
        await asyncio.sleep(self._luck.uniform(0, AWAY_S))
        await replica.starts()

    # The database and the networks --------------------------------------------------------------------------------------

    async def _postgres(self, blow: Blow) -> None:
        at = time.time()
        if blow.kind == "database_restart":
            await self._world.server.stop("immediate")
            await asyncio.sleep(blow.lasts_s / 4)
            await self._world.server.start()
        else:
            self._world.server.freeze()
            await asyncio.sleep(blow.lasts_s)
            self._world.server.thaw()
        self._note(blow.kind, at)

    async def _network(self, blow: Blow) -> None:
        """Half of the lasting faults affect all gateways, half only one; cuts do what their names say."""
        what = blow.kind.partition("_")[2]
        to_database = blow.kind.startswith("database")
        ways = [network.database if to_database else network.bot_api for network in self._world.networks]
        replica = None
        if what != "cut_all" and not (what in LASTING and self._luck.random() < FOR_ALL_SHARE):
            replica = self._world.replicas[blow.place % len(ways)]
            ways = [ways[replica.number - 1]]
        if what in LASTING:
            await self._lasts(blow, ways, replica)
            return
        for way in ways:
            self._cuts(blow.kind, what, way, replica)
        if what == "cut_all":
            self._note(blow.kind, time.time())

    async def _lasts(self, blow: Blow, ways: Sequence[Proxy], replica: Replica | None) -> None:
        at = time.time()
        for way in ways:
            if blow.kind.endswith("hang"):
                way.freezes()
            else:
                way.delay_s = SLOW_S
        await asyncio.sleep(blow.lasts_s)
        for way in ways:
            way.delay_s = 0.0
            way.thaws()
        self._note(blow.kind, at, replica)

    def _cuts(self, kind: Kind, what: str, way: Proxy, replica: Replica | None) -> None:
        """Records the fault; a cut of all connections is recorded once."""
        match what:
            case "cut_all":
                way.cuts_all()
            case "cut_one":
                if way.cuts_one(self._luck):
                    self._note(kind, time.time(), replica)
            case "half_close":
                if way.half_closes_one(self._luck):
                    self._note(kind, time.time(), replica)
            case "swallow":
                way.swallows_next(lambda: self._note(kind, time.time(), replica))
            case other:
                raise AssertionError(other)

    # People and their network -------------------------------------------------------------------------------------------

    def _socket(self, blow: Blow) -> None:
        if self._world.talkers and self._luck.choice(self._world.talkers).loses_its_connection():
            self._note(blow.kind, time.time())

    def _bot(self, blow: Blow) -> None:
        method = self._luck.choice(["sendMessage", "sendMessage", "getUpdates"])
        # Two in a row would leave a chunk's fate unknown for good.
        times = 1 if method == "sendMessage" else self._luck.randint(1, 3)
        # Faults that nobody meets would pile up while nobody calls, and then keep everybody from calling for long.
        if any(fault.method == method for fault in self._world.fake.bot().faults.remaining):
            return
        match blow.kind:
            case "bot_429":
                fault = Fault("429", method, retry_after=round(blow.lasts_s))
            case "bot_5xx":
                fault = Fault("5xx", method, times=times)
            case "bot_5xx_delivered":
                fault = Fault("5xx", method, delivers=True)
            case "bot_lost":
                fault = Fault("lost", method)
            case _:
                raise AssertionError(blow.kind)
        self._world.fake.fails(fault)
        self._note(blow.kind, time.time())
