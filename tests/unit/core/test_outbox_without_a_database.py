"""Chunks that wait while the database is away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.core.delivery.outbox import Outbox
from gateway.core.outbound import Chunk, OutboxItem
from gateway.core.ports.outbox import Settled
from gateway.core.ports.turns import Tenure
from tests.unit.core.networks import DESK, PAPER, Paper, Shelf
from tests.world import eventually


@dataclass
class Lease:
    """One that lapsed and was taken again."""

    term: int = 2

    def alive(self) -> bool:
        return True


async def test_chunks_of_a_lapsed_lease_wait_for_the_database() -> None:
    """Whether they are still this replica's cannot be known before it is back; then each leaves once, in order."""
    network, store = Paper(), Shelf(away=1)
    lease = Lease()
    outbox = Outbox({PAPER: network}, store, lease)
    outbox.send([OutboxItem(1, DESK, Chunk("one")), OutboxItem(2, DESK, Chunk("two"))], Tenure(lease, term=1))
    for _ in range(3):
        await asyncio.sleep(0)
    assert (store.away, network.took) == (0, [])

    async def settled() -> bool:
        return len(store.settled) == 2

    await eventually(settled)
    assert network.took == ["one", "two"]
    assert store.settled == [Settled(1, "sent"), Settled(2, "sent")]
