"""Listens to notifications from other replicas where the database allows it; elsewhere, changes are found by polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.core.live.headlines import Headlines, read
from gateway.core.ports.wire import Wire
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.errors import NothingHeard, StoreUnavailable

log = structlog.get_logger(__name__)
AGAIN_S = 1.0
DEAF_S = 60.0
"""Seconds until the next try where nothing can be received, such as behind a pooler in transaction mode."""


class ReplicaListener:
    """`sender`: this replica's name. `hear`: receives the others' notifications; `begun`: has to query for what was missed."""

    def __init__(
        self,
        wire: Wire,
        other_replicas: OtherReplicas,
        sender: str,
        hear: Callable[[Headlines], None],
        begun: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._other_replicas = other_replicas
        self._sender = sender
        self._hear = hear
        self._begun = begun

    async def run(self) -> None:
        """Listens until cancelled, reconnecting as needed."""
        while True:
            pause = await self._listen()
            await asyncio.sleep(pause)

    async def _listen(self) -> float:
        """Listens until the connection ends; returns the seconds to wait before the next try."""
        try:
            await self._wire.listen(self._take, self._listens)
        except NothingHeard as error:
            log.warning("news_by_looking", reason=str(error))
            return DEAF_S
        except StoreUnavailable as error:
            log.warning("news_by_looking", reason=str(error))
        finally:
            self._other_replicas.reachable = False
        return AGAIN_S

    def _listens(self) -> None:
        self._other_replicas.reachable = True
        log.debug("news_heard")
        self._begun()

    def _take(self, text: str) -> None:
        headlines = read(text)
        if headlines.sender != self._sender:
            self._other_replicas.present = True
            self._hear(headlines)
