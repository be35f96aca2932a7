"""The Bot API calls that the gateway makes, on python-telegram-bot's `Bot`. All raise its `TelegramError`s."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Sequence

from telegram import Bot
from telegram.error import NetworkError
from telegram.warnings import PTBUserWarning
from telegramify_markdown.entity import MessageEntity as FormattedEntity

from channels.telegram.bot_api.fence import before_request
from channels.telegram.bot_api.optional import OptionalCalls
from channels.telegram.bot_api.requests import Requests
from channels.telegram.bot_api.shielded import ShieldedRequests
from channels.telegram.bot_identity import BotIdentity
from channels.telegram.name import TELEGRAM
from channels.telegram.settings import Telegram
from channels.telegram.target import Target
from gateway.core.commands import HELP
from gateway.core.model import JsonObject, JsonValue
from gateway.errors import SettingsError

LONG_POLL_S = 25
"""Seconds; a dead connection is noticed this much later, and a few seconds more."""
_ALLOWED_UPDATES: list[JsonValue] = ["message", "edited_message"]
_NO_PREVIEW: JsonObject = {"is_disabled": True}
"""Always: Telegram fetches what it previews, so a link that an agent was tricked into writing would leak data without a click."""
_QUICK_S = 5.0
"""Maximum seconds that an optional call may delay anything."""
_PROBE_S = 10.0


class BotApi:
    """One bot on one Bot API server. Its id is the first part of its token, so it is known without a call."""

    def __init__(self, settings: Telegram) -> None:
        if settings.token is None:
            raise SettingsError("telegram.token is missing; get one from @BotFather and set TURNGATE_TELEGRAM__TOKEN.")
        # Its debug lines contain all arguments of a call: people's texts, and the webhook's secret.
        logging.getLogger("telegram").setLevel(logging.INFO)
        token = settings.token.get_secret_value()
        base = settings.api_url.rstrip("/")
        self.bot_id = int(token.partition(":")[0])
        self.account = f"{TELEGRAM}:{self.bot_id}"
        self._optional = OptionalCalls()
        self._polls = Requests(connection_pool_size=2, connect_timeout=10, read_timeout=10)
        self._requests = Requests(
            connection_pool_size=64,
            connect_timeout=10,
            read_timeout=40,
            write_timeout=20,
            pool_timeout=5,
            httpx_kwargs={"event_hooks": {"request": [before_request]}},
        )
        self._shielded = ShieldedRequests()
        self._bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._requests,
            get_updates_request=self._polls,
        )

    async def identity(self) -> BotIdentity:
        me = await self._call("getMe", {}, _PROBE_S)
        if not isinstance(me, dict):
            raise NetworkError("The response to getMe does not describe the bot")
        name = me.get("username")
        return BotIdentity(self.bot_id, name if isinstance(name, str) else "")

    async def updates(self, offset: int) -> Sequence[JsonValue]:
        """Waits up to `LONG_POLL_S` for updates; confirms all with lower ids than `offset`, 0 confirms none."""
        arguments: JsonObject = {"timeout": LONG_POLL_S, "limit": 100, "allowed_updates": _ALLOWED_UPDATES}
        arguments |= {"offset": offset} if offset else {}
        # An abandoned poll must end at once: until then the server refuses the next one (409).
        raw = await self._request("getUpdates", arguments, LONG_POLL_S + 10)
        if not isinstance(raw, list):
            raise NetworkError("The response to getUpdates contains no list of updates")
        return raw

    async def begin_polling(self) -> None:
        """Removes a webhook that would be in the way; updates that wait there are kept."""
        await self._try("deleteWebhook", {"drop_pending_updates": False})
        await self._publish_commands()

    async def begin_webhook(self, url: str, secret: str) -> None:
        arguments: JsonObject = {"url": url, "secret_token": secret, "allowed_updates": _ALLOWED_UPDATES}
        await self._call("setWebhook", arguments | {"drop_pending_updates": False})
        await self._publish_commands()

    async def send(self, target: Target, text: str, entities: Sequence[FormattedEntity]) -> None:
        """Returns once the server has confirmed sending, whatever else it says about the message."""
        await self._call(
            "sendMessage",
            {
                "chat_id": target.chat_id,
                "text": text,
                "message_thread_id": target.thread_id or None,
                "entities": [entity.to_dict() for entity in entities] or None,
                "link_preview_options": _NO_PREVIEW,
            },
        )

    async def typing(self, target: Target) -> None:
        """Best effort."""
        arguments: JsonObject = {"chat_id": target.chat_id, "action": "typing"}
        await self._try("sendChatAction", arguments | {"message_thread_id": target.thread_id or None})

    async def probe(self, method: str, arguments: JsonObject) -> JsonValue:
        """Makes any call, to see how the server responds."""
        return await self._call(method, arguments, _PROBE_S)

    async def close(self) -> None:
        await self._shielded.close()
        await asyncio.gather(self._polls.shutdown(), self._requests.shutdown())

    async def _publish_commands(self) -> None:
        commands: list[JsonValue] = [{"command": name, "description": text} for name, text in HELP.items()]
        await self._try("setMyCommands", {"commands": commands})

    async def _try(self, method: str, arguments: JsonObject) -> None:
        # The answer, if it comes before "typing …", cancels the caller; the outcome of the call is recorded all the same.
        await self._shielded.run(self._optional.attempt(method, lambda: self._request(method, arguments, _QUICK_S)))

    async def _call(self, method: str, arguments: JsonObject, read_timeout: float | None = None) -> JsonValue:
        """Returns the raw `result`: the library's own methods fail on results that they can't parse."""
        return await self._shielded.run(self._request(method, arguments, read_timeout))

    async def _request(self, method: str, arguments: JsonObject, read_timeout: float | None) -> JsonValue:
        timeout = self._requests.read_timeout if read_timeout is None else read_timeout
        _expect_known_warnings()
        result: JsonValue = await self._bot.do_api_request(method, api_kwargs=arguments, read_timeout=timeout)
        return result


def _expect_known_warnings() -> None:
    """Silences the library's warnings about raw calls, and about a future change of the type of a 429's `retry_after`."""
    warnings.filterwarnings("ignore", r"Please use 'Bot\.", PTBUserWarning)
    warnings.filterwarnings("ignore", r".*attribute `retry_after` will be of type", PTBUserWarning)
