"""Updates that Telegram POSTs: 200 only once they are settled, so that Telegram keeps and repeats the others."""

from __future__ import annotations

import hmac
import json

from aiohttp import web

from channels.telegram.receiving.updates import Updates, fingerprint
from gateway.core.model import JsonValue
from gateway.errors import StoreUnavailable

PATH = "/webhooks/telegram"
MAX_BODY = 1_048_576
"""Bytes; Telegram's largest updates are a small part of it."""
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
_RETRY_AFTER_S = 5


class Webhook:
    """Checks and settles one request at a time. Telegram sends a chat's updates one after another."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.updates: Updates | None = None
        """None until the bot's name is known; Telegram is asked to come again."""

    async def answer(self, request: web.Request) -> web.Response:
        """403 without the secret, 413 for a body over `MAX_BODY` bytes, 503 while an update can't be settled, else 200."""
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._secret):
            return _problem(403, "The webhook secret is missing or wrong.")
        body = await _read(request)
        if body is None:
            return _problem(413, f"An update may have at most {MAX_BODY} bytes.")
        if self.updates is None:
            return _try_again("The bot is still starting.")
        try:
            await _settle(self.updates, body)
        except StoreUnavailable:
            return _try_again("The database is unavailable; nothing was saved.")
        return web.Response()


async def _settle(updates: Updates, body: bytes) -> None:
    try:
        update: JsonValue = json.loads(body)
    except (ValueError, RecursionError) as error:
        await updates.quarantine(fingerprint(body), body.decode("utf-8", "backslashreplace"), f"not JSON: {error}")
        return
    await updates.settle(update)


async def _read(request: web.Request) -> bytes | None:
    """The body; None as soon as it is known to be too large."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    body = bytearray()
    async for piece in request.content.iter_chunked(65_536):
        body += piece
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"type": "about:blank", "status": status, "detail": detail}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


def _try_again(detail: str) -> web.Response:
    return _problem(503, detail, {"Retry-After": str(_RETRY_AFTER_S)})
