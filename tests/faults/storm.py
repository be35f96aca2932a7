"""The storm: several gateways on one database, users, and faults everywhere, followed by a calm and the checks."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit, urlunsplit

import aiohttp

import storage.migrating.migrate
from gateway.core.model import UserId
from gateway.identity.credentials import digest, new_api_token
from storage.database import open_database
from storage.users.tokens import PostgresTokens
from tests.fakes.bot_api import FakeBotApi
from tests.faults.breakage import Breakable, Breakage, Network
from tests.faults.cluster import GATEWAY, Surroundings, Timing, running_cluster
from tests.faults.final_rows import read_last, read_rows, read_unsettled
from tests.faults.invariants import Evidence
from tests.faults.ledger import Acked, Delivered, Entry, Heard, Incident, Ledger, Life, Lost, Sent, Stopped, read_calls
from tests.faults.people import Person, Planner
from tests.faults.proxy import Proxy, open_proxy
from tests.faults.server import running_server
from tests.faults.weather import FRONTS, Front, forecast
from tests.faults.websocket_clients import Account, ClientContext, Talker

TOKEN = "777:AAF-of-the-storm"
FIRST_CHAT = 1001
FIRST_ADDRESS = 10
CHAT_SENT_TO = re.compile(rb"/sendMessage HTTP.*[^a-z]chat_id[^-\d]{1,4}(-?\d+)", re.DOTALL)
PLANNED_EVERY_S = (2, 8)
CALM_S = 60.0
LOOK_S = 0.25
TIMING = Timing()


async def _leave(_database_url: str) -> None:
    """Changes nothing."""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """What is broken from the start: the gateways' program, their failpoints, the database's functions."""

    program: Sequence[str] = GATEWAY
    failpoints: Mapping[str, str] = field(default_factory=dict)
    database: Callable[[str], Awaitable[None]] = _leave


SOUND = Sabotage()


@dataclass(frozen=True, slots=True)
class Plan:
    """The kind of storm: its length, the numbers of participants, and the seed of all random choices.

    `doomed_share`: how many gateways kill themselves, or lose a connection, at a named place on a message's way.
    """

    seconds: float
    seed: int
    replicas: int = 3
    talkers: int = 160
    talker_pace_s: float = 4.5
    impatient: int = 12
    impatient_pace_s: float = 2.0
    people: int = 20
    person_pace_s: float = 5.0
    planners: int = 6
    timing: Timing = TIMING
    fronts: Sequence[Front] = FRONTS
    doomed_share: float = 0.0
    sabotage: Sabotage = SOUND


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a storm.

    `calm`: the seconds until everything was quiet; None if it never was. `errors`: what gateways logged, by event.
    """

    evidence: Evidence
    calm: float | None
    seconds: float
    errors: Mapping[str, int]


Progress = Callable[[float, Ledger], Awaitable[None]]
"""Called now and then with the seconds since the storm began."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that exists during a storm."""

    plan: Plan
    world: Breakable
    people: Sequence[Person]
    planners: Sequence[Planner]
    ledger: Ledger


async def run_storm(plan: Plan, folder: Path, progress: Progress) -> Outcome:
    """Runs a storm from its first message to its evidence, in a folder of its own; leaves no process behind."""
    begun = time.monotonic()
    with (folder / "ledger.jsonl").open("wb") as file:
        async with _scene(plan, folder, Ledger(file)) as scene:
            calm = await _weather(scene, progress)
            evidence = await _evidence(scene, folder)
            errors = sum((replica.errors() for replica in scene.world.replicas), Counter[str]())
    return Outcome(evidence, calm, time.monotonic() - begun, errors)


@asynccontextmanager
async def _scene(plan: Plan, folder: Path, ledger: Ledger) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running_server(folder / "postgres"))
        await storage.migrating.migrate.migrate(server.url)
        await plan.sabotage.database(server.url)
        fake = await stack.enter_async_context(FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.2))
        networks = [
            Network(
                await stack.enter_async_context(open_proxy(("127.0.0.1", server.port))),
                await stack.enter_async_context(open_proxy(("127.0.0.1", fake.port), _address(number))),
            )
            for number in range(1, plan.replicas + 1)
        ]
        luck = Random(plan.seed)
        places = [_place(plan, folder, server.url, network) for network in networks]
        replicas = await stack.enter_async_context(running_cluster(places, ledger, luck))
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        crowd = _Crowd(plan, ClientContext([replica.url for replica in replicas], http, ledger), luck)
        talkers = [
            *crowd.talkers(await _accounts(server.url, "web", plan.talkers), plan.talker_pace_s),
            *crowd.talkers(await _accounts(server.url, "eager", plan.impatient // 2, "eager"), plan.impatient_pace_s),
            *crowd.talkers(await _accounts(server.url, "fickle", plan.impatient // 2, "fickle"), plan.impatient_pace_s),
        ]
        planners = crowd.planners(await _accounts(server.url, "planner", plan.planners))
        world = Breakable(server, networks, fake, replicas, talkers)
        yield Scene(plan, world, crowd.people(fake), planners, ledger)


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Creates all participants, each with its own random numbers."""

    plan: Plan
    context: ClientContext
    luck: Random

    def talkers(self, accounts: Sequence[Account], pace_s: float) -> Sequence[Talker]:
        return [Talker(one, pace_s, self.context, self._own_luck()) for one in accounts]

    def planners(self, accounts: Sequence[Account]) -> Sequence[Planner]:
        shortest, longest = PLANNED_EVERY_S
        return [Planner(one, self.luck.randint(shortest, longest), self.context, self._own_luck()) for one in accounts]

    def people(self, fake: FakeBotApi) -> Sequence[Person]:
        pace_s = self.plan.person_pace_s
        chats = range(FIRST_CHAT, FIRST_CHAT + self.plan.people)
        return [Person(chat, pace_s, fake, self.context.ledger, self._own_luck()) for chat in chats]

    def _own_luck(self) -> Random:
        return Random(self.luck.getrandbits(64))


def _address(replica: int) -> str:
    """The source address of a gateway's calls to the Bot API: on loopback, each has its own."""
    return f"127.0.0.{FIRST_ADDRESS + replica}"


def _replica(address: str) -> int:
    return int(address.rpartition(".")[2]) - FIRST_ADDRESS


def _place(plan: Plan, folder: Path, database_url: str, network: Network) -> Surroundings:
    return Surroundings(
        _through(database_url, network.database),
        folder,
        plan.timing,
        _settings(f"http://127.0.0.1:{network.bot_api.number}", plan.sabotage),
        plan.sabotage.program,
    )


def _settings(bot_api_url: str, sabotage: Sabotage) -> dict[str, str]:
    return {
        "TURNGATE_FAILPOINTS": json.dumps(dict(sabotage.failpoints)),
        "TURNGATE_TELEGRAM__TOKEN": TOKEN,
        "TURNGATE_TELEGRAM__API_URL": bot_api_url,
        "TURNGATE_TELEGRAM__ACCESS": "open",
        "TURNGATE_LIMITS__VISITOR_MESSAGES_PER_MINUTE": "0",
    }


def _through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{proxy.number}"))


async def _accounts(url: str, name: str, count: int, agent: str | None = None) -> Sequence[Account]:
    database = await open_database(url)
    try:
        tokens = PostgresTokens(database)
        accounts = [Account(f"{name}{number}", new_api_token(), agent) for number in range(1, count + 1)]
        for account in accounts:
            await tokens.create(UserId(account.user), digest(account.token), None, "user", None)
        return accounts
    finally:
        await database.close()


async def _weather(scene: Scene, progress: Progress) -> float | None:
    """The storm and the calm after it; returns the seconds until the calm."""
    await _all_ready(scene)
    async with asyncio.TaskGroup() as group:
        talking = [group.create_task(talker.run()) for talker in scene.world.talkers]
        chatting = [group.create_task(person.run()) for person in scene.people]
        planning = [group.create_task(planner.plans()) for planner in scene.planners]
        telling = group.create_task(_tell(scene, progress))
        await _blow(scene)
        for task in (*chatting, *planning):
            task.cancel()
        for talker in scene.world.talkers:
            talker.falls_silent()
        calm = await _calm(scene)
        for task in (*talking, telling):
            task.cancel()
    return calm


async def _all_ready(scene: Scene) -> None:
    """Waits until all gateways are ready, however long they take to start."""
    async with asyncio.timeout(CALM_S):
        while not all(replica.periods() for replica in scene.world.replicas):  # noqa: ASYNC110 - as below
            await asyncio.sleep(LOOK_S)


async def _tell(scene: Scene, progress: Progress) -> None:
    begun = time.monotonic()
    while True:
        await progress(time.monotonic() - begun, scene.ledger)
        await asyncio.sleep(LOOK_S)


async def _blow(scene: Scene) -> None:
    luck = Random(scene.plan.seed + 1)
    for replica in scene.world.replicas:
        replica.doomed_share = scene.plan.doomed_share
    breakage = Breakage(scene.world, scene.ledger, Random(luck.getrandbits(64)))
    fronts = forecast(luck, scene.plan.seconds, scene.plan.replicas, scene.plan.fronts)
    async with asyncio.TaskGroup() as group:
        for blows in fronts:
            group.create_task(breakage.happens(blows))
        group.create_task(asyncio.sleep(scene.plan.seconds))
    await breakage.ends()


async def _calm(scene: Scene) -> float | None:
    """The seconds until all work is done; None after more than a minute."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(CALM_S):
            await asyncio.gather(*(planner.stops() for planner in scene.planners))
            while not await _is_quiet(scene):  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return None
    return time.monotonic() - begun


async def _is_quiet(scene: Scene) -> bool:
    if any(talker.unacked is not None for talker in scene.world.talkers) or scene.world.fake.bot().queue.pending:
        return False
    unsettled = await read_unsettled(scene.world.server.url)
    if unsettled.turns or unsettled.items:
        return False
    last = await read_last(scene.world.server.url)
    return all(talker.last_seq >= last.get(talker.account.user, 0) for talker in scene.world.talkers)


async def _evidence(scene: Scene, folder: Path) -> Evidence:
    ledger = scene.ledger
    for entry in _seen(scene):
        ledger.note(entry)
    return Evidence(
        rows=await read_rows(scene.world.server.url),
        sent=ledger.all(Sent),
        acked=ledger.all(Acked),
        stopped=ledger.all(Stopped),
        heard=ledger.all(Heard),
        delivered=ledger.all(Delivered),
        lost=ledger.all(Lost),
        incidents=ledger.all(Incident),
        lives=ledger.all(Life),
        calls=read_calls(folder / "calls.jsonl"),
    )


def _seen(scene: Scene) -> Iterator[Entry]:
    """Collects what other parts have recorded in the meantime."""
    yield from _delivered(scene)
    yield from _lost(scene)
    for replica in scene.world.replicas:
        yield from replica.periods()
        yield from replica.drops()


def _delivered(scene: Scene) -> Iterator[Delivered]:
    for sent in scene.world.fake.bot().sent:
        if sent.delivered and sent.chat_id is not None:
            yield Delivered(sent.at, sent.chat_id, sent.text, sent.answered, _replica(sent.peer))


def _lost(scene: Scene) -> Iterator[Lost]:
    for number, network in enumerate(scene.world.networks, start=1):
        for loss in network.bot_api.counts.losses:
            if (chat := CHAT_SENT_TO.search(loss.asked)) is not None:
                yield Lost(loss.at, int(chat[1]), number)


async def silently(seconds: float, ledger: Ledger) -> None:
    """Ignores the progress."""
