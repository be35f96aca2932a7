"""News of a statement that committed long after it wrote."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg

from gateway.core.events import LiveEvent, MessageChanged
from gateway.core.live.announcer import Announcer
from gateway.core.live.bus import LocalBus
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
    """The looks of a feed, by a clock that can be put forward: what comes after a look seems to come long after it."""

    feed: ChangeFeed
    ahead: timedelta = timedelta(0)
    looks: int = 0

    async def changes(self, followed: Followed) -> Changes:
        """As the feed says."""
        ahead = self.ahead
        changes = await self.feed.changes(followed)
        self.looks += 1
        return replace(changes, position=replace(changes.position, at=changes.position.at + ahead))


async def test_what_took_long_to_commit_is_told(world: World) -> None:
    """Messages that a transaction of ten seconds hides are told to followers on other replicas, although looks went by meanwhile."""
    running = await world.gateway()
    gateway, ann = running.gateway, await world.person("ann", running.url)
    session = SessionId((await (await ann.connects()).asks("hello", "k1"))["session_id"])
    bus, heard, feed = LocalBus(), list[LiveEvent](), Later(gateway.stores.feed)
    bus.subscribe(session_topic(session), heard.append)
    follower = ChangeReader(
        feed=feed,
        bus=bus,
        announcer=Announcer(bus),
        runner=gateway.engine.runner,
        other_replicas=OtherReplicas(),
        every_s=0.02,
    )

    async def looked_twice(before: int) -> None:
        async def more() -> bool:
            return feed.looks >= before + 2

        await eventually(more)

    following = asyncio.create_task(follower.run())
    slow = await asyncpg.connect(world.database_url)
    try:
        await looked_twice(feed.looks)
        async with slow.transaction():
            assert await slow.execute(HIDE) == "UPDATE 1"
            await world.rows("SELECT pg_current_xact_id()")  # as heartbeats do: a later transaction ends
            feed.ahead = timedelta(seconds=10)
            await looked_twice(feed.looks)

        async def told() -> bool:
            return any(isinstance(event, MessageChanged) and event.message.seq == 1 for event in heard)

        await eventually(told)
    finally:
        await slow.close()
        following.cancel()
        await asyncio.wait({following})
