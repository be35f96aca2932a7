"""Takes messages in: one conversation in order, conversations beside each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from uuid import uuid4

from turngate import (
    ChannelParts,
    Conflict,
    InboundMessage,
    InvalidInput,
    Notice,
    Route,
    StoreUnavailable,
    TooManyRequests,
)
from turngate_irc.normalize import Incoming
from turngate_irc.place import IRC, address_of

log = logging.getLogger(__name__)
PAUSES_S = (0.1, 0.5, 1.0, 2.0)
FAULT = "Your message could not be taken in because of a fault here."


class Reception:
    """IRC has no acknowledgement and repeats nothing: what is here is offered until it is kept."""

    def __init__(self, parts: ChannelParts, network: str, tell: Callable[[str, str], None]) -> None:
        self._parts = parts
        self._network = network
        self._tell = tell
        self._last: dict[str, asyncio.Task[None]] = {}

    def take(self, incoming: Incoming) -> None:
        """Returns at once; the person's earlier messages go first."""
        nick = incoming.nick.lower()
        task = asyncio.create_task(self._after(self._last.get(nick), incoming))
        self._last[nick] = task
        task.add_done_callback(lambda ended: self._last.pop(nick) if self._last.get(nick) is ended else None)

    async def stop(self) -> None:
        """Drops what nobody could keep."""
        tasks = tuple(self._last.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _after(self, before: asyncio.Task[None] | None, incoming: Incoming) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._offer(incoming)
        except (InvalidInput, Conflict, TooManyRequests) as error:
            self._tell(incoming.nick, str(error))
        except Exception as error:
            log.exception("irc_message_failed")
            self._tell(incoming.nick, FAULT)
            await self._parts.quarantine.keep(f"{IRC}:{self._network}", str(uuid4()), incoming.text, repr(error))

    async def _offer(self, incoming: Incoming) -> None:
        message = await self._message(incoming)
        self._parts.rates.check(message.user_id)
        tries = 0
        while True:
            try:
                answer = await self._parts.intake.accept(message)
            except StoreUnavailable:
                await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
                tries += 1
            else:
                if isinstance(answer, Notice):
                    for line in filter(None, answer.text.splitlines()):
                        self._tell(incoming.nick, line)
                return

    async def _message(self, incoming: Incoming) -> InboundMessage:
        address = address_of(self._network, incoming.nick)
        user_id = self._parts.links.unlinked_user(IRC, incoming.nick.lower())
        default, *others = self._parts.agents
        chosen = await self._parts.routes.agent_at(user_id, Route(address)) if others else None
        return InboundMessage(
            user_id=user_id,
            channel=IRC,
            agent=chosen if chosen in others else default,
            text=incoming.text,
            key=str(uuid4()),
            route=Route(address),
            deliver_to=(address,),
        )
