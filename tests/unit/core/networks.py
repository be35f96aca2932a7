"""A network and a store of chunks that fail on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.core.model import Address, ChannelName
from gateway.core.outbound import Chunk, OutboxItem
from gateway.core.ports.channels import MayLeave
from gateway.core.ports.outbox import Settled
from gateway.errors import StoreUnavailable

PAPER = ChannelName("paper")
DESK = Address("paper:desk")


@dataclass
class Paper:
    """A network that takes every chunk. `unable`: rendering fails."""

    unable: bool = False
    took: list[str] = field(default_factory=list)

    @property
    def name(self) -> ChannelName:
        return PAPER

    def render(self, content: str) -> Sequence[Chunk]:
        if self.unable:
            raise RuntimeError("out of ink")
        return (Chunk(content),)

    async def ready(self, address: Address) -> None:
        return

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        assert may_leave()
        self.took.append(chunk.text)

    async def typing(self, address: Address) -> None:
        return


@dataclass
class Shelf:
    """A store of chunks, all of them this replica's. `away`: how often a look fails first; `settled`: what was marked."""

    away: int = 0
    settled: list[Settled] = field(default_factory=list)

    async def mark(self, settled: Settled) -> None:
        self.settled.append(settled)

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("The database cannot be reached.")
        return items

    async def steal(self, limit: int, held: Sequence[int], *, expired: bool) -> Sequence[OutboxItem]:
        return ()

    async def forget_sent(self, days: int) -> int:
        return 0
