"""Sends chunks at the pace Telegram allows, and reports the outcome of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
from telegram.error import ChatMigrated, RetryAfter, TelegramError
from telegramify_markdown.entity import MessageEntity

from channels.telegram.bot_api.calls import BotApi
from channels.telegram.bot_api.failures import delivery_error, refuses_formatting
from channels.telegram.bot_api.fence import Fenced, fenced
from channels.telegram.sending.outage import Outage
from channels.telegram.sending.pace import Pace
from channels.telegram.sending.recovery import Recovery
from channels.telegram.sending.render import entities_of
from channels.telegram.target import Target
from gateway.core.model import Address
from gateway.core.outbound import Chunk
from gateway.core.ports.channels import MayLeave, Moves
from gateway.errors import DeliveryDeferred, DeliveryError, DeliveryRefused, DeliveryUnknown, StoreUnavailable
from gateway.log import redact

_SHORTLY_S = 2.0


def always() -> bool:
    """The permit of notices: they are sent from here or not at all."""
    return True


class Sender:
    """The sending side of one bot. A wait only holds up its own chat."""

    def __init__(self, api: BotApi, pace: Pace, moves: Moves) -> None:
        self._api = api
        self._pace = pace
        self._moves = moves
        self._recovery = Recovery(api)
        self._outage = Outage()
        self._moved: dict[int, int] = {}  # chunks to be delivered still name the old chat
        self._log = structlog.get_logger()

    @property
    def outage(self) -> str:
        """Why the server accepts no messages at all, and what to do about it; empty if it accepts them."""
        return self._outage.reason

    async def ready(self, address: Address) -> None:
        """Waits for a responding server and for a place within Telegram's limits.

        Raises `DeliveryRefused` or `DeliveryDeferred`.
        """
        target = self._target(address)
        await self._recovery.wait()
        await self._wait_for_place(target.chat_id)

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave = always) -> None:
        """Sends one chunk at once, if it `may_leave` when it is written; omits formatting that Telegram rejects.

        Raises `DeliveryRefused`, `DeliveryDeferred` or `DeliveryUnknown`.
        """
        target = self._target(address)
        try:
            with fenced(may_leave):
                await self._send(target, chunk.text, entities_of(chunk))
        except TelegramError as error:
            raise self._failure(target, error) from None
        self._outage.end()

    async def typing(self, address: Address) -> None:
        """Best effort; does nothing while the chat is paused."""
        try:
            target = self._target(address)
            if not self._pace.held_for(target.chat_id, time.monotonic()):
                await self._api.typing(target)
        except DeliveryError as error:
            self._log.debug("telegram_typing_failed", address=address, error=redact(str(error)))

    def _target(self, address: Address) -> Target:
        target = Target.parse(address)
        if target.bot_id != self._api.bot_id:
            raise DeliveryRefused(f"{address} belongs to a bot other than the configured one, {self._api.bot_id}.")
        return replace(target, chat_id=self._moved.get(target.chat_id, target.chat_id))

    async def _send(self, target: Target, text: str, entities: Sequence[MessageEntity]) -> None:
        try:
            await self._api.send(target, text, entities)
        except ChatMigrated as error:
            await self._send_to_new_chat(target, error, text, entities)
        except TelegramError as error:
            if not entities or not refuses_formatting(error):
                raise
            self._log.warning("telegram_formatting_refused", address=target.address, error=redact(str(error)))
            await self._wait_for_place(target.chat_id)
            await self._send(target, text, ())

    async def _send_to_new_chat(
        self, target: Target, error: ChatMigrated, text: str, entities: Sequence[MessageEntity]
    ) -> None:
        """A group became a supergroup with another id; the old one accepts nothing any more."""
        new = replace(target, chat_id=error.new_chat_id)
        if new.chat_id in {target.chat_id, *self._moved}:
            raise DeliveryRefused(str(error), address_dead=True)
        self._log.info("telegram_chat_migrated", chat=target.chat, new_chat=new.chat)
        try:
            await self._moves.move(target.chat, new.chat)
        except StoreUnavailable as away:
            raise DeliveryDeferred(f"{error}, and this could not be recorded: {away}", _SHORTLY_S) from away
        self._moved[target.chat_id] = new.chat_id
        await self._wait_for_place(new.chat_id)
        await self._send(new, text, entities)

    async def _wait_for_place(self, chat_id: int) -> None:
        now = time.monotonic()
        held = self._pace.held_for(chat_id, now)
        if held:
            raise DeliveryDeferred("Telegram asked for a pause before the next message to this chat.", held)
        await asyncio.sleep(self._pace.reserve(chat_id, now))
        await asyncio.sleep(self._pace.overall.reserve(time.monotonic()))

    def _failure(self, target: Target, error: TelegramError) -> DeliveryError:
        if isinstance(error.__cause__, Fenced):
            return error.__cause__
        failure = delivery_error(error)
        self._outage.note(error, str(failure))
        if isinstance(error, RetryAfter) and isinstance(failure, DeliveryDeferred):
            self._pace.hold(target.chat_id, time.monotonic() + failure.retry_after)
        if isinstance(failure, DeliveryUnknown):
            self._recovery.doubt()
        return failure
