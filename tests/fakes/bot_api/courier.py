"""Carries updates to a bot's webhook: in order within a chat, chats side by side (tdlib, WebhookActor.cpp)."""

import asyncio
from dataclasses import replace

import aiohttp

from tests.fakes.bot_api.queue import QueuedUpdate
from tests.fakes.bot_api.state import BotState

_SUCCESS = 2
_MAX_DELAY_S = 60.0
_MAX_RETRY_AFTER_S = 3600.0


class Courier:
    """Delivers the pending updates of one bot until each is accepted with a 2xx.

    The first retry is immediate; the next ones wait `backoff_s` seconds, doubling; `Retry-After` is honoured.
    """

    def __init__(self, bot: BotState, backoff_s: float) -> None:
        self._bot = bot
        self._backoff_s = backoff_s
        self._rounds: dict[int | None, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(40)

    def wake(self) -> None:
        """Starts a round for each chat that has updates and none in progress."""
        if not self._bot.webhook.url:
            return
        for chat_id in {update.chat_id for update in self._bot.queue.pending} - self._rounds.keys():
            self._rounds[chat_id] = asyncio.create_task(self._serve(chat_id))

    def readdress(self) -> None:
        """Drops deliveries to the former webhook and starts with the current one."""
        self._drop()
        self._places = asyncio.Semaphore(self._bot.webhook.max_connections)
        self.wake()

    async def close(self) -> None:
        await asyncio.gather(*self._drop(), return_exceptions=True)

    def _drop(self) -> list[asyncio.Task[None]]:
        rounds = [*self._rounds.values()]
        for task in rounds:
            task.cancel()
        self._rounds.clear()
        return rounds

    async def _serve(self, chat_id: int | None) -> None:
        async with aiohttp.ClientSession() as session:
            while update := self._first(chat_id):
                await self._deliver(session, update)
            # Before the session's closing is awaited: an update that comes meanwhile starts a new round.
            del self._rounds[chat_id]

    def _first(self, chat_id: int | None) -> QueuedUpdate | None:
        return next((update for update in self._bot.queue.pending if update.chat_id == chat_id), None)

    async def _deliver(self, session: aiohttp.ClientSession, update: QueuedUpdate) -> None:
        delay_s = 0.0
        while (pause_s := await self._post(session, update)) is not None:
            await asyncio.sleep(pause_s or delay_s)
            delay_s = min(delay_s * 2 or self._backoff_s, _MAX_DELAY_S)
        self._bot.accepted(update)

    async def _post(self, session: aiohttp.ClientSession, update: QueuedUpdate) -> float | None:
        """None if accepted, else the seconds that the webhook asked to wait (0 without a value)."""
        webhook = self._bot.webhook
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret_token} if webhook.secret_token else {}
        try:
            async with self._places, session.post(webhook.url, json=update.body, headers=headers) as response:
                if response.status // 100 == _SUCCESS:
                    return None
                self._note_error(f"Wrong response from the webhook: {response.status} {response.reason}")
                return _seconds(response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError) as error:
            self._note_error(f"Connection failed: {error}")
            return 0.0

    def _note_error(self, message: str) -> None:
        self._bot.webhook = replace(
            self._bot.webhook, last_error_date=int(self._bot.clock()), last_error_message=message
        )


def _seconds(retry_after: str) -> float:
    return min(float(retry_after), _MAX_RETRY_AFTER_S) if retry_after.isdigit() else 0.0
