"""Notifies the other replicas of changes made here: changes within a moment share one text, outside anybody's commit."""

from __future__ import annotations

import asyncio

import structlog

from gateway.core.live.notifications import CANCELS, EVERYTHING, gone, mark, written
from gateway.core.model import SessionId
from gateway.core.ports.broadcast import Broadcast
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)
TOGETHER_S = 0.01
"""Seconds between texts: each is a commit that waits for those of other replicas."""
AWAY_S = 0.5


class Notifier:
    """Collects changes, and sends them while another replica is alive. `sender`: this replica's name."""

    def __init__(self, broadcast: Broadcast, other_replicas: OtherReplicas, sender: str) -> None:
        self._broadcast = broadcast
        self._other_replicas = other_replicas
        self._sender = sender
        self._topics: set[str] = set()
        self._words: set[str] = set()
        self._some = asyncio.Event()

    def changed(self, *topics: str) -> None:
        """Something in these topics was committed here."""
        if self._other_replicas.present:
            self._topics.update(topics)
            self._some.set()

    def deleted(self, topic: str, session_id: SessionId) -> None:
        """A session in that list was deleted here."""
        if self._other_replicas.present:
            self._words.add(gone(topic, session_id))
            self._some.set()

    def cancels(self) -> None:
        """A turn that does not run here is to be cancelled."""
        if self._other_replicas.present:
            self._words.add(CANCELS)
            self._some.set()

    def greet(self) -> None:
        """Tells the others that this replica is alive and listening."""
        self._some.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(TOGETHER_S if await self._send() else AWAY_S)

    async def _send(self) -> bool:
        self._some.clear()
        words = {*self._words, *map(mark, self._topics)}
        self._words.clear()
        self._topics.clear()
        try:
            await self._broadcast.send(written(self._sender, words))
        except StoreUnavailable as error:
            log.debug("news_not_told", reason=str(error))
            self._words.add(EVERYTHING)
            self._some.set()
            return False
        return True
