"""Reads changes made by other replicas, for followers of sessions here: one query at a time, however many follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import datetime

import structlog

from gateway.core.live.announcer import Announcer
from gateway.core.live.notifications import CANCELS, EVERYTHING, Notification
from gateway.core.lookback import FeedPosition, Lookback
from gateway.core.model import SessionId, TurnId, UserId
from gateway.core.ports.live import ChangeFeed, Changes, EventBus, Followed, user_topic
from gateway.core.replicas.change_announcer import ChangeAnnouncer
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.core.tasks.waiting import Alarm
from gateway.core.turns.runner import Runner
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)
HEARD = 3
"""Factor between full queries while notifications from the others arrive …"""
ALONE = 10
"""… and while there are no other replicas: only changes made by hand remain to be found."""
REST = 2
"""After a query, waits this many times its duration: under load, changes wait a little and are read together."""


class ChangeReader:
    """Queries changes in the topics that somebody subscribes to, and announces them here.

    Topics named in notifications and topics with new subscribers are queried soon, all topics now and then: nothing depends on
    notifications. `every_s`: seconds between full queries while no notifications arrive.
    """

    def __init__(
        self,
        *,
        feed: ChangeFeed,
        bus: EventBus,
        announcer: Announcer,
        runner: Runner,
        other_replicas: OtherReplicas,
        every_s: float,
    ) -> None:
        self._feed = feed
        self._bus = bus
        self._runner = runner
        self._other_replicas = other_replicas
        self._every_s = every_s
        self._alarm = Alarm()
        self._everything = True
        self._cancels = False
        self._topics: set[str] = set()
        self._joined: set[str] = set()
        self._gone: dict[SessionId, set[str]] = {}
        self._since: datetime | None = None
        self._looked_at = time.monotonic()
        self._announcer = announcer
        self._change_announcer = ChangeAnnouncer(announcer)
        self._lookback = Lookback()
        bus.on_join(self._joins)

    def _joins(self, topic: str) -> None:
        """Handles a new subscriber; subscribers that come at about the same time share a query."""
        self._joined.add(topic)
        self._alarm.set(self._every_s)

    def hear(self, notification: Notification) -> None:
        """Handles a notification from another replica."""
        topics = self._bus.marked(notification.words)
        for topic, session_id in notification.deleted():
            lists = {*self._bus.marked([topic]), user_topic(None)}.intersection(self._bus.topics())
            if lists:
                self._gone.setdefault(session_id, set()).update(lists)
        cancels = CANCELS in notification.words and bool(self._runner.running)
        if EVERYTHING in notification.words:
            self.read_everything_soon()
        elif topics or cancels or self._gone:
            self._topics.update(topics)
            self._cancels = self._cancels or cancels
            self._alarm.set(0)

    def passed(self, position: FeedPosition) -> None:
        """Takes the position of another query. While nobody follows anything, later subscribers have read everything up to then."""
        if not self._bus.topics():
            self._since = self._lookback.after(position)

    def read_everything_soon(self) -> None:
        """Queries everything soon, because something may have been missed."""
        self._everything = True
        self._alarm.set(0)

    async def run(self) -> None:
        """Runs until cancelled; while the database is unavailable, changes wait."""
        self._alarm.set(self._every_s)
        while True:
            await self._alarm.rings()
            begun = time.monotonic()
            try:
                await self._look()
            except StoreUnavailable as error:
                log.warning("change_poll_failed", reason=str(error))
                self._everything = True
                self._alarm.set(self._every_s)
            else:
                # The pause gets shorter when another replica appears or notifications stop, so it is asked for again before it ends.
                left = self._looked_at + self._pause_s() - time.monotonic()
                self._alarm.set(min(left, HEARD * self._every_s))
            await asyncio.sleep(min(REST * (time.monotonic() - begun), self._every_s))

    async def _look(self) -> None:
        if self._everything or time.monotonic() - self._looked_at >= self._pause_s():
            await self._look_at_everything()
        else:
            await self._look_at_some()

    def _pause_s(self) -> float:
        if not self._other_replicas.reachable:
            return self._every_s
        return self._every_s * (HEARD if self._other_replicas.present else ALONE)

    async def _look_at_everything(self) -> None:
        self._everything, self._cancels = False, False
        self._topics.clear()
        joined = self._take_joined()
        followed = self._followed(self._bus.topics(), self._runner.running)
        if followed.nothing:
            # The first query after somebody starts following is a full one.
            self._everything, self._looked_at = True, time.monotonic()
            self._change_announcer.forget()
            return
        changes = await self._changes(followed, joined)
        self._since, self._looked_at = self._lookback.after(changes.position), time.monotonic()
        self._announce(changes, followed, joined, everything=True)

    async def _look_at_some(self) -> None:
        joined = self._take_joined()
        topics = (self._topics | joined).intersection(self._bus.topics())
        self._topics = set()
        running: Sequence[TurnId] = self._runner.running if self._cancels else ()
        self._cancels = False
        followed = self._followed(topics, running)
        if not followed.nothing:
            self._announce(await self._changes(followed, joined), followed, joined, everything=False)

    def _take_joined(self) -> set[str]:
        joined, self._joined = self._joined, set()
        return joined

    async def _changes(self, followed: Followed, joined: Collection[str]) -> Changes:
        try:
            return await self._feed.changes(followed)
        except StoreUnavailable:
            self._joined.update(joined)
            raise

    def _followed(self, topics: Collection[str], running: Sequence[TurnId]) -> Followed:
        sessions: list[SessionId] = []
        users: list[UserId] = []
        for topic in topics:
            kind, _, name = topic.partition(":")
            if kind == "session":
                sessions.append(SessionId(name))
            elif kind == "user":
                users.append(UserId(name))
        everybody = user_topic(None) in topics
        sessions += self._gone
        return Followed(tuple(sessions), tuple(users), everybody, self._since, tuple(running))

    def _announce(self, changes: Changes, followed: Followed, joined: Collection[str], *, everything: bool) -> None:
        self._change_announcer.announce(changes, joined, everything=everything)
        gone = {session_id: self._gone.pop(session_id) for session_id in self._gone.keys() & set(followed.sessions)}
        for session_id in changes.missing:
            self._announcer.unlisted(session_id, gone.get(session_id, ()))
        for turn_id in changes.cancelled:
            self._runner.cancel(turn_id)
