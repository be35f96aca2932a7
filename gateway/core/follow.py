"""News from other replicas for those who follow sessions here: one query a look, however many follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import structlog

from gateway.core.announcer import Announcer
from gateway.core.model import SessionId, UserId
from gateway.core.ports.live import ChangeFeed, Changes, EventBus, Followed, user_topic
from gateway.core.runner import Runner
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)


class Follower:
    """Reads what changed among the topics that somebody subscribes to, and announces it here."""

    def __init__(self, feed: ChangeFeed, bus: EventBus, announcer: Announcer, runner: Runner, every_s: float) -> None:
        self._feed = feed
        self._bus = bus
        self._announcer = announcer
        self._runner = runner
        self._every_s = every_s
        self._joined: set[str] = set()

    async def run(self) -> None:
        """Looks for as long as it runs; while the database is away there is no news."""
        since: datetime | None = None
        idle_at = time.monotonic()
        while True:
            await asyncio.sleep(self._every_s)
            self._joined.update(self._bus.joined())
            followed = self._followed(since, timedelta(seconds=time.monotonic() - idle_at))
            if not (followed.sessions or followed.users or followed.everybody or followed.running):
                # Whoever comes next has read what there is by then.
                since, idle_at = None, time.monotonic()
                continue
            try:
                changes = await self._feed.changes(followed)
            except StoreUnavailable as error:
                log.warning("news_missed", reason=str(error))
                continue
            since = changes.now
            joined, self._joined = self._joined, set()
            self._tell(changes, joined)

    def _followed(self, since: datetime | None, back: timedelta) -> Followed:
        sessions: list[SessionId] = []
        users: list[UserId] = []
        for topic in self._bus.topics():
            kind, _, name = topic.partition(":")
            if kind == "session":
                sessions.append(SessionId(name))
            elif kind == "user":
                users.append(UserId(name))
        everybody = user_topic(None) in self._bus.topics()
        return Followed(tuple(sessions), tuple(users), everybody, since, back, self._runner.running)

    def _tell(self, changes: Changes, joined: AbstractSet[str]) -> None:
        for session_id, user_id, last_seq in changes.last_seqs:
            self._announcer.rows(session_id, user_id, last_seq)
        for gone in changes.missing:
            self._announcer.missing(gone)
        for session in changes.sessions:
            # A list that was read before its reader joined lacks what was published in between.
            joiners = joined & {user_topic(session.user_id), user_topic(None)}
            self._announcer.session(session, again=bool(joiners))
        for news in changes.turns:
            self._announcer.turn(news)
        for message in changes.changed:
            self._announcer.changed(message)
        for turn_id in changes.cancelled:
            self._runner.cancel(turn_id)
