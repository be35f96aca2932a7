"""`getUpdates`: one call per bot may wait; a second one ends the first with 409 (tdlib/telegram-bot-api, Client.cpp)."""

import asyncio

from tests.fakes.bot_api.faults import OTHER_POLL
from tests.fakes.bot_api.methods import accept_allowed_updates
from tests.fakes.bot_api.state import BotState
from tests.fakes.bot_api.wire import Json, Parameters, RefusedError

_WEBHOOK_SET = "Conflict: terminated by setWebhook request"
_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
_CONFLICT = 409
_MAX_TIMEOUT_S = 50
# The same offset asked for again within this time gets one update only.
_RAPID_REPEAT_S = 0.5


class Polling:
    """The polls of one bot. Repeated conflicts are answered after `penalty_s` seconds."""

    def __init__(self, bot: BotState, penalty_s: float) -> None:
        self._bot = bot
        self._penalty_s = penalty_s
        self._waiter: asyncio.Future[None] | None = None
        self._next_conflict_at = 0.0
        self._previous = (0, 0.0)

    async def get_updates(self, parameters: Parameters) -> Json:
        """Pending updates, waiting for one up to `timeout` seconds; raises `RefusedError` 409 if a second poll ends it."""
        try:
            return await self._get_updates(parameters)
        except RefusedError as refusal:
            if refusal.code == _CONFLICT:
                await self._serve_penalty()
            raise

    def wake(self) -> None:
        """Makes a waiting poll check again."""
        if self._bot.queue.pending and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def stop_for_webhook(self) -> None:
        self._send_away(_WEBHOOK_SET)

    def close(self) -> None:
        """Ends a waiting poll because the server stops."""
        if self._waiter is not None:
            self._waiter.cancel()

    async def _get_updates(self, parameters: Parameters) -> Json:
        if self._bot.webhook.url:
            raise RefusedError(_CONFLICT, _WEBHOOK_ACTIVE)
        self._send_away(OTHER_POLL)
        accept_allowed_updates(self._bot, parameters)
        offset = parameters.integer("offset")
        self._bot.confirm(offset)
        limit = self._limit(offset, parameters)
        if not self._bot.queue.pending:
            await self._wait(min(parameters.integer("timeout"), _MAX_TIMEOUT_S))
        return self._bot.queue.batch(limit)

    async def _wait(self, timeout_s: int) -> None:
        if timeout_s <= 0:
            return
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            pass
        finally:
            self._waiter = None if self._waiter is waiter else self._waiter

    def _limit(self, offset: int, parameters: Parameters) -> int:
        now = self._bot.clock()
        (previous_offset, previous_at), self._previous = self._previous, (offset, now)
        if offset == previous_offset and now < previous_at + _RAPID_REPEAT_S:
            return 1
        return min(max(parameters.integer("limit", 100), 1), 100)

    def _send_away(self, reason: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(RefusedError(_CONFLICT, reason))

    async def _serve_penalty(self) -> None:
        now = self._bot.clock()
        if now < self._next_conflict_at:
            await asyncio.sleep(self._penalty_s)
        else:
            self._next_conflict_at = now + self._penalty_s
