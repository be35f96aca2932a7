"""Updates that Telegram POSTs: 200 only once they are settled, so that Telegram keeps and repeats the others."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping

from channels.telegram.receiving.updates import Updates, fingerprint
from gateway.core.model import JsonValue
from gateway.core.ports.webhooks import Webhook, WebhookRequest, WebhookResponse

PATH = "/webhooks/telegram"
MAX_BODY = 1_048_576
"""Bytes; Telegram's largest updates are far smaller."""
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name


class UpdatesWebhook:
    """Settles one call at a time. Telegram sends a chat's updates one after another."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.updates: Updates | None = None
        """None until the bot's name is known; Telegram is asked to retry."""
        self.declared = Webhook("POST", PATH, self._handle, self._knows, MAX_BODY)

    def _knows(self, headers: Mapping[str, str]) -> bool:
        given = headers.get(SECRET_HEADER, "")
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._secret)

    async def _handle(self, request: WebhookRequest) -> WebhookResponse:
        if self.updates is None:
            return WebhookResponse(
                503, b"The bot is still starting.", {"Retry-After": "5", "Content-Type": "text/plain"}
            )
        await _settle(self.updates, request.body)
        return WebhookResponse()


async def _settle(updates: Updates, body: bytes) -> None:
    try:
        update: JsonValue = json.loads(body)
    except (ValueError, RecursionError) as error:
        await updates.quarantine(fingerprint(body), body.decode("utf-8", "backslashreplace"), f"not JSON: {error}")
        return
    await updates.settle(update)
