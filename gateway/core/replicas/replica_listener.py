"""Listens to notifications from other replicas where the database allows it; elsewhere, changes are found by polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.core.live.notifications import Notification, read
from gateway.core.ports.broadcast import Broadcast
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.errors import NotificationsUnavailable, StoreUnavailable

log = structlog.get_logger(__name__)
RETRY_S = 1.0
UNAVAILABLE_RETRY_S = 60.0
"""Seconds until the next try where nothing can be received, such as behind a pooler in transaction mode."""


class ReplicaListener:
    """`sender`: this replica's name. `hear`: receives the others' notifications; `begun`: has to query for what was missed."""

    def __init__(
        self,
        broadcast: Broadcast,
        other_replicas: OtherReplicas,
        sender: str,
        hear: Callable[[Notification], None],
        begun: Callable[[], None],
    ) -> None:
        self._broadcast = broadcast
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
            await self._broadcast.listen(self._take, self._listens)
        except NotificationsUnavailable as error:
            log.warning("polling_for_changes", reason=str(error))
            return UNAVAILABLE_RETRY_S
        except StoreUnavailable as error:
            log.warning("polling_for_changes", reason=str(error))
        finally:
            self._other_replicas.reachable = False
        return RETRY_S

    def _listens(self) -> None:
        self._other_replicas.reachable = True
        log.debug("notifications_arrive")
        self._begun()

    def _take(self, text: str) -> None:
        notification = read(text)
        if notification.sender != self._sender:
            self._other_replicas.present = True
            self._hear(notification)
