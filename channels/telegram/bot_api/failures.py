"""What an error of the Bot API means for a message: refused, deferred, or perhaps delivered.

sendMessage has no idempotency key, so what counts is whether the request can have reached Telegram. python-telegram-bot
keeps httpx's error as the cause. `BadRequest` and `TimedOut` are subclasses of `NetworkError` there, so they are checked first.
"""

from __future__ import annotations

import httpx
from telegram.error import BadRequest, EndPointNotFound, Forbidden, InvalidToken, RetryAfter, TelegramError

from channels.telegram.bot_api.answers import NotServed
from gateway.errors import DeliveryDeferred, DeliveryError, DeliveryRefused, DeliveryUnknown
from gateway.log import redact

_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_SHORTLY_S = 2.0
_NOT_SERVED_S = 60.0
_CHECK = (
    "Replies are held back. Check TURNGATE_TELEGRAM__API_URL and TURNGATE_TELEGRAM__TOKEN, and run `turngate doctor`."
)
_GONE = ("chat not found", "message thread not found", "user not found", "peer_id_invalid", "topic_deleted")
_UNFORMATTABLE = ("can't parse", "entit")


def delivery_error(error: TelegramError) -> DeliveryError:
    """Returns the core's error for one of the Bot API's; its text contains no token."""
    text = redact(str(error))
    match error:
        case RetryAfter():
            return DeliveryDeferred(text, seconds(error))
        case Forbidden():
            return DeliveryRefused(text, address_dead=True)
        case BadRequest():
            return DeliveryRefused(text, address_dead=any(words in text.lower() for words in _GONE))
        case _:
            return _deferred(error, text) or DeliveryUnknown(text)


def _deferred(error: TelegramError, text: str) -> DeliveryDeferred | None:
    """Whether it certainly did not arrive, and may later."""
    match error:
        case InvalidToken():
            return DeliveryDeferred(f"Telegram refused the bot's token ({text}). {_CHECK}", _NOT_SERVED_S)
        case NotServed():
            return DeliveryDeferred(f"The Bot API server could not be reached ({text}). {_CHECK}", _NOT_SERVED_S)
        case EndPointNotFound():
            return DeliveryDeferred(f"The Bot API server has no sendMessage ({text}). {_CHECK}", _NOT_SERVED_S)
        case _ if isinstance(error.__cause__, _NEVER_LEFT):
            return DeliveryDeferred(text, _SHORTLY_S)
        case _:
            return None


def refuses_formatting(error: TelegramError) -> bool:
    """Whether the same text might be accepted without entities."""
    return isinstance(error, BadRequest) and any(words in str(error).lower() for words in _UNFORMATTABLE)


def seconds(error: RetryAfter) -> float:
    """How long Telegram asks to wait."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()
