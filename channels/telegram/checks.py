"""The checks of `turngate doctor` on a Bot API server: whether it supports the methods that the gateway calls.

Nothing here changes anything. Methods that would are called with arguments that Telegram rejects, since a rejection shows that the
method exists; where even that could change something, the method is not tried.
"""

from __future__ import annotations

from collections.abc import Sequence

from telegram.error import BadRequest, Conflict, EndPointNotFound, InvalidToken, TelegramError

from channels.telegram.bot_api.calls import BotApi
from channels.telegram.bot_api.optional import COSTS
from channels.telegram.settings import Telegram
from gateway.core.model import JsonObject
from gateway.core.networks import CheckedCall, IsPolled
from gateway.errors import GatewayError
from gateway.log import redact

REFUSED = (
    "Telegram refused the bot's token; get the current one from @BotFather and set TURNGATE_TELEGRAM__TOKEN. "
    "With a Bot API server of your own, check TURNGATE_TELEGRAM__API_URL too."
)
NOT_THERE = (
    "The Bot API server answers Not Found: it lacks a method that the gateway needs (getMe, sendMessage, and getUpdates or "
    "setWebhook), or the token is malformed. Check TURNGATE_TELEGRAM__API_URL and TURNGATE_TELEGRAM__TOKEN."
)
_FIRST_UPDATE: JsonObject = {"timeout": 0, "limit": 1}
"""Without an offset nothing is confirmed."""
_HARMLESS: dict[str, JsonObject] = {
    "sendMessage": {},
    "getUpdates": _FIRST_UPDATE,
    "setMyCommands": {"commands": "no list"},
    "sendChatAction": {},
}
"""Arguments that Telegram rejects with a 400 (no chat, no list of commands), or that change nothing."""
_INTERRUPTS = "not tried: a gateway may be polling, and a second call would interrupt it"


async def check_bot(settings: Telegram, is_polled: IsPolled) -> Sequence[CheckedCall]:
    """Checks each method that the gateway calls, essential ones first; raises `GatewayError` if not even `getMe` works."""
    api = BotApi(settings)
    try:
        bot = await _identity(api, settings.api_url)
        updates = await (_polling(api, is_polled) if settings.mode == "polling" else _webhook(api))
        return [
            CheckedCall("getMe", essential=True, works=True, detail=bot),
            await _tried(api, "sendMessage"),
            *updates,
            await _tried(api, "setMyCommands"),
            await _tried(api, "sendChatAction"),
        ]
    finally:
        await api.close()


async def _identity(api: BotApi, url: str) -> str:
    try:
        bot = await api.identity()
    except InvalidToken:
        raise GatewayError(REFUSED) from None
    except EndPointNotFound:
        raise GatewayError(NOT_THERE) from None
    except TelegramError as error:
        raise GatewayError(
            f"The Bot API server {redact(url)} does not answer as it should: {redact(str(error))}. "
            "Check the network and TURNGATE_TELEGRAM__API_URL."
        ) from None
    return f"@{bot.username} ({bot.bot_id})"


async def _tried(api: BotApi, method: str) -> CheckedCall:
    essential = method not in COSTS
    trouble = await _trouble(api, method)
    if trouble is None:
        return CheckedCall(method, essential=essential, works=True, detail="answers")
    detail = trouble if essential else f"{trouble}: {COSTS[method]}"
    return CheckedCall(method, essential=essential, works=False, detail=detail)


async def _trouble(api: BotApi, method: str) -> str | None:
    try:
        await api.probe(method, _HARMLESS[method])
    except (BadRequest, Conflict):
        return None
    except EndPointNotFound:
        return "the server does not support it"
    except TelegramError as error:
        return f"the server doesn't answer as it should ({redact(str(error))})"
    return None


async def _polling(api: BotApi, is_polled: IsPolled) -> Sequence[CheckedCall]:
    set_at = await _webhook_url(api)
    waiting = f"; a webhook is set at {set_at}, and the gateway removes it when it starts polling" if set_at else ""
    return [
        CheckedCall("getUpdates", essential=True, works=True, detail=_INTERRUPTS)
        if await is_polled(api.account)
        else await _tried(api, "getUpdates"),
        CheckedCall(
            "deleteWebhook",
            essential=False,
            works=True,
            detail=f"not tried, because it would change something{waiting}",
        ),
    ]


async def _webhook(api: BotApi) -> Sequence[CheckedCall]:
    set_at = await _webhook_url(api)
    now = f"the webhook is {set_at}" if set_at else "no webhook is set; the gateway sets it when it starts"
    return [
        CheckedCall(
            "setWebhook", essential=True, works=True, detail=f"not tried, because it would change something; {now}"
        )
    ]


async def _webhook_url(api: BotApi) -> str:
    """Returns the URL that updates go to now; empty if the server doesn't say."""
    try:
        told = await api.probe("getWebhookInfo", {})
    except TelegramError:
        return ""
    found = told.get("url") if isinstance(told, dict) else None
    return redact(found) if isinstance(found, str) else ""
