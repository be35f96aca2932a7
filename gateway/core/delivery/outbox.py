"""Sends chunks to the networks that replies are pushed to: one at a time and in order per address, at least once.

A chunk is sent only after the outcome of the previous one is recorded, so a crash repeats at most one chunk.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import structlog

from gateway.core.content.cleaning import clean
from gateway.core.measuring.metrics import DELIVERIES
from gateway.core.model import Address, ChannelName
from gateway.core.outbound import OutboxItem
from gateway.core.ports.channels import Channel
from gateway.core.ports.outbox import OutboxStore, Settled
from gateway.core.ports.turns import Lease, Tenure
from gateway.core.tasks.background import Background
from gateway.errors import DeliveryDeferred, DeliveryRefused, DeliveryUnknown, StoreUnavailable

log = structlog.get_logger(__name__)
FENCED_WAIT_S = 0.5
MARK_AGAIN_S = 0.5
LAST_MARKS_S = 1.0
"""Seconds that a stopping gateway waits for marks that are being written."""
REPEAT_AFTER_S = 1.0
REPEATS = 1
"""How often a chunk is sent again when it is unknown whether it arrived (promise 4)."""
CERTAIN_S = 1.0
"""Seconds after which a waiting chunk is looked up again before it is sent: its recipient may have been unlinked in the meantime."""
REASON_LIMIT = 2000


def channel_of(address: Address) -> ChannelName:
    """Returns the channel that an address belongs to."""
    return ChannelName(address.partition(":")[0])


@dataclass(slots=True)
class Held:
    """An item that this replica works on. `tenure`: in which it was ours; `known_at`: when it was known to be unsent.

    `unknown`: how often it was sent with an unknown outcome. `deferred`: whether it has been deferred before.
    """

    item: OutboxItem
    tenure: Tenure
    known_at: float = field(default_factory=time.monotonic)
    unknown: int = 0
    deferred: bool = False


class Outbox:
    """The sending side of the outbox table."""

    def __init__(self, channels: Mapping[ChannelName, Channel], store: OutboxStore, lease: Lease) -> None:
        self._channels = channels
        self._store = store
        self._lease = lease
        self._waiting: dict[Address, deque[Held]] = {}
        self._senders = Background()
        self._marking = Background()
        self._serving: dict[Address, asyncio.Task[None]] = {}
        self._leaving: set[Address] = set()
        self._closing = False

    @property
    def held(self) -> tuple[int, ...]:
        """The items that are waiting or being sent here."""
        return tuple(held.item.item_id for queue in self._waiting.values() for held in queue)

    def held_for(self, addresses: Collection[Address]) -> tuple[int, ...]:
        """The items for these addresses."""
        return tuple(held.item.item_id for address in addresses for held in self._waiting.get(address, ()))

    def send(self, items: Sequence[OutboxItem], tenure: Tenure) -> None:
        """Queues each item after those that already wait for its address; an item that is already queued is not queued twice.

        `tenure`: from before the store was asked for the items. If it no longer holds, they may belong to another replica by now.
        """
        in_hand = set(self.held_for({item.address for item in items}))
        for item in items:
            queue = self._waiting.get(item.address)
            if queue is None:
                queue = self._waiting[item.address] = deque()
                serving = self._senders.start(self._serve(item.address, queue), f"outbox {item.address}")
                self._serving[item.address] = serving
            if item.item_id not in in_hand:
                queue.append(Held(item, tenure))

    async def drain(self, timeout: float) -> None:
        """Lets chunks that are being sent finish and be marked, for at most `timeout` seconds; the rest is left to another replica."""
        self._closing = True
        for address, serving in self._serving.items():
            if address not in self._leaving:
                serving.cancel()
        await self._senders.settle(timeout)
        await self._senders.stop()
        await self._marking.settle(LAST_MARKS_S)
        await self._marking.stop()

    async def _serve(self, address: Address, queue: deque[Held]) -> None:
        try:
            while queue and not self._closing:
                held = queue[0]
                if not held.tenure.holds():
                    await self._keep_own(queue)
                elif await self._try(held):
                    queue.remove(held)
        finally:
            self._waiting.pop(address, None)
            self._serving.pop(address, None)

    async def _keep_own(self, queue: deque[Held]) -> None:
        """After the lease may have lapsed, others may have sent: keeps the items that are still ours, in the new tenure."""
        while True:
            tenure, asked = Tenure.of(self._lease), tuple(queue)
            try:
                ids = [held.item.item_id for held in asked]
                mine = set(await self._store.mine(ids)) if self._lease.alive() else None
            except StoreUnavailable:
                mine = None
            if mine is not None and tenure.holds():
                break
            await asyncio.sleep(FENCED_WAIT_S)
        for held in asked:
            if held.item.item_id in mine:
                held.tenure, held.known_at = tenure, time.monotonic()
            else:
                queue.remove(held)

    async def _try(self, held: Held) -> bool:
        """Handles one item until it is settled; returns False when the lease has to be checked again."""
        item, tenure = held.item, held.tenure
        channel = self._channels.get(channel_of(item.address))
        if channel is None:
            await self._bury(item, "this channel is off")
            return True
        while tenure.holds():
            try:
                if await self._sent(channel, held):
                    return True
            except DeliveryDeferred as error:
                self._note_deferred(held, error)
                await asyncio.sleep(error.retry_after)
            except DeliveryRefused as error:
                await self._refused(item, error)
                return True
            except Exception as error:  # noqa: BLE001 - whatever happens to one chunk, it is settled and others leave
                held.unknown += 1
                self._note_unknown(item, error)
                if held.unknown > REPEATS:
                    await self._leave_open(item, error)
                    return True
                await asyncio.sleep(REPEAT_AFTER_S)
        return False

    async def _sent(self, channel: Channel, held: Held) -> bool:
        """Sends the chunk and records that; returns False when the lease may have lapsed while the network kept it waiting."""
        item = held.item
        await channel.ready(item.address)
        if time.monotonic() - held.known_at > CERTAIN_S and not await self._is_mine(held):
            return True
        if not held.tenure.holds():
            return False
        self._leaving.add(item.address)
        try:
            await channel.deliver(item.address, item.chunk, held.tenure.holds)
            DELIVERIES.labels(channel.name, "sent").inc()
            await self._mark(Settled(item.item_id, "sent"))
        finally:
            self._leaving.discard(item.address)
        return True

    async def _is_mine(self, held: Held) -> bool:
        """Whether the item is still unsent and ours to send; waits while the database is unavailable."""
        while True:
            try:
                mine = await self._store.mine([held.item.item_id])
            except StoreUnavailable:
                await asyncio.sleep(FENCED_WAIT_S)
            else:
                held.known_at = time.monotonic()
                return bool(mine)

    def _note_deferred(self, held: Held, error: DeliveryDeferred) -> None:
        """Logs one warning per chunk. Later chunks for the same address wait for it."""
        level = logging.DEBUG if held.deferred else logging.WARNING
        held.deferred = True
        log.log(level, "delivery_deferred", address=held.item.address, retry_after=error.retry_after, reason=str(error))

    def _note_unknown(self, item: OutboxItem, error: Exception) -> None:
        # An unforeseen error may have occurred before or after the network took the chunk, just like a lost answer.
        trace = None if isinstance(error, DeliveryUnknown) else error
        log.warning("delivery_unknown", address=item.address, item=item.item_id, reason=str(error), exc_info=trace)

    async def _refused(self, item: OutboxItem, error: DeliveryRefused) -> None:
        queue = self._waiting.get(item.address, deque())
        hopeless = list(queue)[1:] if error.address_dead else []
        for later in hopeless:
            queue.remove(later)
        await asyncio.gather(*(self._bury(each, str(error)) for each in (item, *(later.item for later in hopeless))))

    async def _bury(self, item: OutboxItem, reason: str) -> None:
        log.error("delivery_failed", address=item.address, item=item.item_id, reason=reason)
        await self._give_up(item, "dead", reason)

    async def _leave_open(self, item: OutboxItem, error: Exception) -> None:
        """The chunk may have arrived; the chunks after it need not wait."""
        log.error("delivery_unknown_for_good", address=item.address, item=item.item_id, reason=str(error))
        reason = f"sent {REPEATS + 1} times without a clear response, so it may have arrived: {error}"
        await self._give_up(item, "unknown", reason)

    async def _give_up(self, item: OutboxItem, state: Literal["dead", "unknown"], reason: str) -> None:
        DELIVERIES.labels(channel_of(item.address), state).inc()
        await self._mark(Settled(item.item_id, state, clean(reason)[:REASON_LIMIT]))

    async def _mark(self, settled: Settled) -> None:
        """T3. Returns once the outcome is recorded; cancelling the caller does not stop it."""
        await self._marking.shielded(self._insist(settled))

    async def _insist(self, settled: Settled) -> None:
        while True:
            try:
                return await self._store.mark(settled)
            except StoreUnavailable:
                pass
            except Exception:  # an error here must not cause the chunk to be sent again
                log.exception("delivery_not_marked", item=settled.item_id, state=settled.state)
            await asyncio.sleep(MARK_AGAIN_S)
