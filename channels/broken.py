"""Stands in for a network that cannot be used: its replies wait until it can, and nothing else is affected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway.core.model import Address, ChannelName
from gateway.core.networks import ChannelStatus
from gateway.core.outbound import Chunk
from gateway.core.ports.channels import MayLeave
from gateway.errors import DeliveryDeferred

log = structlog.get_logger(__name__)
WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class BrokenNetwork:
    """Receives and sends nothing; `reason` says why."""

    name: ChannelName
    reason: str

    @property
    def status(self) -> ChannelStatus:
        return ChannelStatus("failed", self.reason)

    def render(self, content: str) -> Sequence[Chunk]:
        return (Chunk(content),)

    async def ready(self, address: Address) -> None:  # noqa: ARG002 - the signature of `Channel`
        raise DeliveryDeferred(f"The channel {self.name} cannot be used: {self.reason}.", WAIT_S)

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:  # noqa: ARG002 - as above
        await self.ready(address)

    async def typing(self, address: Address) -> None:
        """Does nothing."""

    async def run(self) -> None:
        log.error("channel_broken", channel=self.name, reason=self.reason)
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is open."""
