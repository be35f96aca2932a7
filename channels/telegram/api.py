"""The calls of the Bot API that the gateway makes, on python-telegram-bot's `Bot`. All raise its `TelegramError`s."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from telegram import Bot, BotCommand, LinkPreviewOptions, MessageEntity
from telegram.constants import ChatAction
from telegram.error import NetworkError
from telegram.request import HTTPXRequest
from telegram.warnings import PTBUserWarning
from telegramify_markdown.entity import MessageEntity as FormattedEntity

from channels.telegram.fence import before_request
from channels.telegram.normalize import BotIdentity
from channels.telegram.target import Target
from gateway.config import Telegram
from gateway.core.commands import HELP
from gateway.core.model import TELEGRAM, JsonValue
from gateway.errors import SettingsError

T = TypeVar("T")

LONG_POLL_S = 25
"""A dead connection is noticed this much later, and some seconds."""
_ALLOWED_UPDATES = ["message", "edited_message"]
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
"""Always: Telegram fetches what it previews, so a link an agent was talked into would carry data out unclicked."""


class BotApi:
    """One bot on one Bot API server. Its id stands in front of its token, so it is known without asking."""

    def __init__(self, settings: Telegram) -> None:
        if settings.token is None:
            raise SettingsError("telegram.token is missing; get one from @BotFather and set TURNGATE_TELEGRAM__TOKEN.")
        # Its debug lines hold all arguments of a call: what people wrote, and the webhook's secret.
        logging.getLogger("telegram").setLevel(logging.INFO)
        token = settings.token.get_secret_value()
        base = settings.api_url.rstrip("/")
        self.bot_id = int(token.partition(":")[0])
        self.account = f"{TELEGRAM}:{self.bot_id}"
        self._polls = HTTPXRequest(connection_pool_size=2, connect_timeout=10, read_timeout=10)
        self._requests = HTTPXRequest(
            connection_pool_size=64,
            connect_timeout=10,
            read_timeout=40,
            write_timeout=20,
            pool_timeout=5,
            httpx_kwargs={"event_hooks": {"request": [before_request]}},
        )
        self._bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._requests,
            get_updates_request=self._polls,
        )

    async def identity(self) -> BotIdentity:
        me = await _call(self._bot.get_me())
        return BotIdentity(self.bot_id, me.username or "")

    async def updates(self, offset: int) -> Sequence[JsonValue]:
        """Waits up to `LONG_POLL_S` for updates; confirms all with lower ids than `offset`, 0 confirms none."""
        arguments = {"timeout": LONG_POLL_S, "limit": 100, "allowed_updates": _ALLOWED_UPDATES}
        arguments |= {"offset": offset} if offset else {}
        raw: JsonValue = await _call(
            self._bot.do_api_request("getUpdates", api_kwargs=arguments, read_timeout=LONG_POLL_S + 10)
        )
        if not isinstance(raw, list):
            raise NetworkError("The answer to getUpdates holds no list of updates")
        return raw

    async def begin_polling(self) -> None:
        """Takes back a webhook that would stand in the way; what waits there is kept."""
        await _call(self._bot.delete_webhook(drop_pending_updates=False))
        await self._publish_commands()

    async def begin_webhook(self, url: str, secret: str) -> None:
        await _call(
            self._bot.set_webhook(
                url, secret_token=secret, allowed_updates=_ALLOWED_UPDATES, drop_pending_updates=False
            )
        )
        await self._publish_commands()

    async def send(self, target: Target, text: str, entities: Sequence[FormattedEntity]) -> None:
        formatting = MessageEntity.de_list([entity.to_dict() for entity in entities], self._bot)
        await _call(
            self._bot.send_message(
                target.chat_id,
                text,
                message_thread_id=target.thread_id or None,
                entities=formatting or None,
                link_preview_options=_NO_PREVIEW,
            )
        )

    async def typing(self, target: Target) -> None:
        await _call(
            self._bot.send_chat_action(
                target.chat_id,
                ChatAction.TYPING,
                message_thread_id=target.thread_id or None,
                read_timeout=5,
                connect_timeout=5,
            )
        )

    async def close(self) -> None:
        await asyncio.gather(self._polls.shutdown(), self._requests.shutdown())

    async def _publish_commands(self) -> None:
        await _call(self._bot.set_my_commands([BotCommand(name, text) for name, text in HELP.items()]))


async def _call(request: Awaitable[T]) -> T:
    _expect_known_warnings()
    try:
        return await request
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        # The library takes the shape of a 2xx answer for granted.
        raise NetworkError(f"The answer of the Bot API server has an unknown shape: {type(error).__name__}") from error


def _expect_known_warnings() -> None:
    """Silences what the library says of raw getUpdates, and of a 429's `retry_after` changing its type some day."""
    warnings.filterwarnings("ignore", r"Please use 'Bot\.getUpdates'", PTBUserWarning)
    warnings.filterwarnings("ignore", r".*attribute `retry_after` will be of type", PTBUserWarning)
