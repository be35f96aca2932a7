"""Shows in the chats a reply will go to that it is being written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway.core.model import Address, ChannelName
from gateway.core.outbox import channel_of
from gateway.core.ports.channels import Channel

EVERY_S = 4.5


async def show_typing(channels: Mapping[ChannelName, Channel], addresses: tuple[Address, ...]) -> None:
    """Until it is cancelled: networks show it for about five seconds, so it is repeated."""
    while True:
        for address in addresses:
            if (channel := channels.get(channel_of(address))) is not None:
                await channel.typing(address)
        await asyncio.sleep(EVERY_S)
