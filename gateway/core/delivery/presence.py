"""Shows "typing …" in the chats that a reply will go to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from gateway.core.delivery.outbox import channel_of
from gateway.core.model import Address, ChannelName
from gateway.core.ports.channels import Channel
from gateway.core.tasks.background import Background

SOON_S = 0.25
"""Answers that arrive sooner are not announced: the call would cost the network as much as the answer."""
EVERY_S = 4.5


def show_typing(
    channels: Mapping[ChannelName, Channel], addresses: tuple[Address, ...], work: Background
) -> Callable[[], object]:
    """Shows it from `SOON_S` on, in a task of `work`, until the returned function is called."""
    shown: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        SOON_S, lambda: shown.append(work.start(_show(channels, addresses), "typing"))
    )

    def end() -> None:
        timer.cancel()
        for task in shown:
            task.cancel()

    return end


async def _show(channels: Mapping[ChannelName, Channel], addresses: tuple[Address, ...]) -> None:
    """Repeats until cancelled: networks show the indicator for about five seconds."""
    while True:
        for address in addresses:
            if (channel := channels.get(channel_of(address))) is not None:
                await channel.typing(address)
        await asyncio.sleep(EVERY_S)
