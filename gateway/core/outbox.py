"""Sends chunks to networks that replies are pushed to: one at a time and in order per address, at least once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import structlog

from gateway.core.background import Background
from gateway.core.metrics import DELIVERIES
from gateway.core.model import Address, ChannelName, OutboxItem
from gateway.core.ports.channels import Channel
from gateway.core.ports.outbox import OutboxStore
from gateway.errors import DeliveryDeferred, DeliveryRefused, DeliveryUnknown, StoreUnavailable

log = structlog.get_logger(__name__)
MARK_EVERY_S = 0.05
FENCED_WAIT_S = 0.5
UNKNOWN_LIMIT = 5


def channel_of(address: Address) -> ChannelName:
    """The channel that an address belongs to."""
    return ChannelName(address.partition(":")[0])


class Outbox:
    """The sending side of the outbox table. `alive`: False while this replica may have been taken for dead."""

    def __init__(self, channels: Mapping[ChannelName, Channel], store: OutboxStore, alive: Callable[[], bool]) -> None:
        self._channels = channels
        self._store = store
        self._alive = alive
        self._waiting: dict[Address, deque[OutboxItem]] = {}
        self._senders = Background()
        self._sent: list[int] = []
        self._dead: list[tuple[int, str]] = []

    def send(self, items: Sequence[OutboxItem]) -> None:
        """Queues items behind what waits for their addresses already."""
        for item in items:
            queue = self._waiting.get(item.address)
            if queue is None:
                queue = self._waiting[item.address] = deque()
                self._senders.start(self._serve(item.address, queue), f"outbox {item.address}")
            queue.append(item)

    async def _serve(self, address: Address, queue: deque[OutboxItem]) -> None:
        try:
            while queue:
                await self._stay_fenced(queue)
                if queue and await self._try(queue[0]):
                    queue.popleft()
        finally:
            self._waiting.pop(address, None)

    async def _stay_fenced(self, queue: deque[OutboxItem]) -> None:
        """While this replica may count as dead, others may be sending: wait, then keep only what is still ours."""
        if self._alive():
            return
        while not self._alive():  # noqa: ASYNC110 - nobody announces it: it is a matter of the clock
            await asyncio.sleep(FENCED_WAIT_S)
        try:
            mine = set(await self._store.mine([item.item_id for item in queue]))
        except StoreUnavailable:
            return
        kept = [item for item in queue if item.item_id in mine]
        queue.clear()
        queue.extend(kept)

    async def _try(self, item: OutboxItem) -> bool:
        """One item until it is settled, or until the fence has to be looked at again (False)."""
        channel = self._channels.get(channel_of(item.address))
        if channel is None:
            self._settle_dead(item, "this channel is off")
            return True
        unknown = 0
        while self._alive():
            try:
                await channel.deliver(item.address, item.chunk)
            except DeliveryDeferred as error:
                log.info("delivery_deferred", address=item.address, retry_after=error.retry_after)
                await asyncio.sleep(error.retry_after)
            except DeliveryUnknown as error:
                unknown += 1
                log.warning("delivery_unknown", address=item.address, item=item.item_id, reason=str(error))
                if unknown > UNKNOWN_LIMIT:
                    self._settle_dead(item, f"no answer after {unknown} sends: {error}")
                    return True
                await asyncio.sleep(min(2.0**unknown / 2, 10))
            except DeliveryRefused as error:
                await self._refused(item, error)
                return True
            else:
                DELIVERIES.labels(channel.name, "sent").inc()
                self._sent.append(item.item_id)
                return True
        return False

    async def _refused(self, item: OutboxItem, error: DeliveryRefused) -> None:
        self._settle_dead(item, str(error))
        if error.address_dead:
            queue = self._waiting.get(item.address, deque())
            for later in list(queue)[1:]:
                self._settle_dead(later, str(error))
                queue.remove(later)

    def _settle_dead(self, item: OutboxItem, reason: str) -> None:
        log.error("delivery_failed", address=item.address, item=item.item_id, reason=reason)
        DELIVERIES.labels(channel_of(item.address), "dead").inc()
        self._dead.append((item.item_id, reason))

    async def run(self) -> None:
        """Writes down what was sent, many at a time. T3."""
        while True:
            await asyncio.sleep(MARK_EVERY_S)
            await self._mark()

    async def _mark(self) -> None:
        sent, dead = self._sent, self._dead
        if not sent and not dead:
            return
        self._sent, self._dead = [], []
        try:
            await self._store.mark(sent, dead)
        except StoreUnavailable:
            self._sent, self._dead = sent + self._sent, dead + self._dead
            await asyncio.sleep(FENCED_WAIT_S)

    async def drain(self, timeout: float) -> None:
        """Lets senders finish for at most `timeout` seconds; the rest stays in the table for another replica."""
        await self._senders.settle(timeout)
        await self._senders.stop()
        await self._mark()
