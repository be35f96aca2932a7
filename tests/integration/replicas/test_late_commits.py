"""Changes of a transaction that commits long after it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from gateway.app.running.serve import Running
from gateway.core.events import LiveEvent, MessageChanged
from gateway.core.live.announcer import Announcer
from gateway.core.live.bus import LocalBus
from gateway.core.lookback import LONGEST
from gateway.core.model import SessionId
from gateway.core.ports.live import ChangeFeed, Changes, Followed, session_topic
from gateway.core.replicas.change_reader import ChangeReader
from gateway.core.replicas.other_replicas import OtherReplicas
from tests.world import World, eventually

HIDE = """
    WITH hidden AS (
        UPDATE chat_messages SET deleted_at = clock_timestamp(), rewound = true, changed_at = clock_timestamp()
        WHERE seq = 1 RETURNING chat_id
    )
    UPDATE chat_sessions SET updated_at = clock_timestamp() WHERE chat_id IN (SELECT chat_id FROM hidden)
"""


@dataclass
class Later:
    """The looks of a feed, by a clock that can be put forward: what comes after a look seems to come long after it.

    `since`: from when on the first of them read.
    """

    feed: ChangeFeed
    ahead: timedelta = timedelta(0)
    looks: int = 0
    since: datetime | None = None

    async def changes(self, followed: Followed) -> Changes:
        """As the feed says."""
        ahead = self.ahead
        changes = await self.feed.changes(followed)
        self.since = self.since if self.looks else followed.since
        self.looks += 1
        return replace(changes, position=replace(changes.position, at=changes.position.at + ahead))


EVERY_S = 0.3


def reader_of(running: Running, others: OtherReplicas) -> tuple[Later, ChangeReader]:
    """A reader like another replica's, with a follower of a session."""
    bus, feed = LocalBus(), Later(running.gateway.stores.feed)
    reader = ChangeReader(
        feed=feed,
        bus=bus,
        announcer=Announcer(bus),
        runner=running.gateway.engine.runner,
        other_replicas=others,
        every_s=EVERY_S,
    )
    bus.subscribe(session_topic(SessionId("of-nobody")), lambda _event: None)
    return feed, reader


@dataclass
class Reads:
    """A change reader like another replica's. `heard`: what it announced about one session."""

    feed: Later
    session: SessionId
    bus: LocalBus
    reader: ChangeReader
    heard: list[LiveEvent] = field(default_factory=list)

    def follows(self) -> None:
        """Begins to follow the session."""
        self.bus.subscribe(session_topic(self.session), self.heard.append)

    @asynccontextmanager
    async def runs(self) -> AsyncIterator[None]:
        """Polls continuously."""
        reading = asyncio.create_task(self.reader.run())
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def looks_twice(self) -> None:
        """Waits until it has polled twice more."""
        before = self.feed.looks

        async def more() -> bool:
            return self.feed.looks >= before + 2

        await eventually(more)

    async def tells_of_hidden(self) -> None:
        """Waits until it has announced that the first message is hidden."""

        async def told() -> bool:
            return any(isinstance(event, MessageChanged) and event.message.seq == 1 for event in self.heard)

        await eventually(told)


@pytest.fixture
async def running(world: World) -> Running:
    """A gateway."""
    return await world.gateway()


@pytest.fixture
async def reads(world: World, running: Running) -> Reads:
    """A reader for a session with a message and its answer."""
    gateway, ann = running.gateway, await world.person("ann", running.url)
    session = SessionId((await (await ann.connects()).asks("hello", "k1"))["session_id"])
    bus, feed = LocalBus(), Later(gateway.stores.feed)
    reader = ChangeReader(
        feed=feed,
        bus=bus,
        announcer=Announcer(bus),
        runner=gateway.engine.runner,
        other_replicas=OtherReplicas(),
        every_s=0.02,
    )
    return Reads(feed, session, bus, reader)


@asynccontextmanager
async def hiding(world: World) -> AsyncIterator[None]:
    """Hides the first message in a transaction that commits at the end; by then, later ones have ended."""
    slow = await asyncpg.connect(world.database_url)
    try:
        async with slow.transaction():
            assert await slow.execute(HIDE) == "UPDATE 1"
            await world.rows("SELECT pg_current_xact_id()")  # like heartbeats
            yield
    finally:
        await slow.close()


async def test_a_change_that_commits_late_is_announced(world: World, reads: Reads) -> None:
    """Row 43c: messages hidden in a transaction of ten seconds are announced on other replicas, although polls ran meanwhile."""
    reads.follows()
    async with reads.runs():
        await reads.looks_twice()
        async with hiding(world):
            reads.feed.ahead = timedelta(seconds=10)
            await reads.looks_twice()
        await reads.tells_of_hidden()


async def test_a_change_from_before_the_first_follower_is_announced(world: World, reads: Reads) -> None:
    """Row 43e: the transaction was open for ten seconds before the first follower, and commits later."""
    reads.feed.ahead = timedelta(seconds=10)
    async with reads.runs():
        async with hiding(world):
            reads.follows()
            await reads.looks_twice()
        await reads.tells_of_hidden()


async def test_a_change_committed_before_the_first_poll_is_announced(
    world: World, running: Running, reads: Reads
) -> None:
    """Row 43e: it was open for ten seconds at a poll for work, and committed before the first poll for changes."""
    async with hiding(world):
        position = (await running.gateway.stores.work_finder.find(running.gateway.duties.known_work())).position
        reads.feed.ahead = timedelta(seconds=10)
        reads.reader.passed(replace(position, at=position.at + reads.feed.ahead))
        reads.follows()
    async with reads.runs():
        await reads.tells_of_hidden()


async def test_the_first_follower_gets_no_old_changes(running: Running, reads: Reads) -> None:
    """However long nobody followed anything, the first query for changes starts at the last poll for work."""
    position = (await running.gateway.stores.work_finder.find(running.gateway.duties.known_work())).position
    reads.reader.passed(position)
    reads.follows()
    async with reads.runs():
        await reads.looks_twice()
    assert reads.feed.since is not None
    assert position.at - LONGEST <= reads.feed.since <= position.at


@pytest.mark.parametrize("left", [{"present": True}, {"present": False, "reachable": False}])
async def test_a_replica_that_is_no_longer_alone_soon_polls_as_often_as_others(
    running: Running, left: dict[str, bool]
) -> None:
    """Row 43f: another replica appears, or notifications stop, after a full query: the next is not as late as if it were still alone."""
    others = OtherReplicas(present=False, reachable=True)
    (feed, reader), (usual, usually) = reader_of(running, others), reader_of(running, OtherReplicas(True, True))

    async def has_looked() -> bool:
        return bool(feed.looks and usual.looks)

    reading = [asyncio.create_task(one.run()) for one in (reader, usually)]
    await eventually(has_looked)
    for name, value in left.items():
        setattr(others, name, value)
    feed.looks = usual.looks = 0

    async def looked_again() -> bool:
        return feed.looks > 0

    await eventually(looked_again)
    assert usual.looks <= 2
    for task in reading:
        task.cancel()
    await asyncio.wait(reading)
