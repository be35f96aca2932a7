"""Shows in the chats a reply will go to that it is being written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from gateway.core.model import Address, ChannelName
from gateway.core.outbox import channel_of
from gateway.core.ports.channels import Channel

EVERY_S = 4.5


@asynccontextmanager
async def typing_shown(channels: Mapping[ChannelName, Channel], addresses: tuple[Address, ...]) -> AsyncIterator[None]:
    """Refreshed for as long as the block runs: networks show it for about five seconds."""
    task = asyncio.create_task(_show(channels, addresses), name="typing")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _show(channels: Mapping[ChannelName, Channel], addresses: tuple[Address, ...]) -> None:
    while True:
        for address in addresses:
            if (channel := channels.get(channel_of(address))) is not None:
                await channel.typing(address)
        await asyncio.sleep(EVERY_S)
