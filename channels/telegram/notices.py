"""Notices: short answers of the gateway itself. Sent as well as can be, kept nowhere."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import structlog

from channels.telegram.render import plain
from channels.telegram.sender import Sender
from channels.telegram.target import Target
from gateway.core.model import Chunk
from gateway.errors import DeliveryDeferred, DeliveryError

_WAITING_PER_CHAT = 5
_ATTEMPTS = 3
_LONGEST_WAIT_S = 60.0
REFUSAL_REPEATS_AFTER_S = 3600.0
"""Whoever is turned away is told so once in this time, however much they write."""
_REMEMBERED_REFUSALS = 10_000


class Notices:
    """Sends notices beside the work, at most a few per chat at a time."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._waiting: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused_at: dict[tuple[int, int], float] = {}
        self._log = structlog.get_logger()

    def post(self, target: Target, text: str) -> None:
        """Sends the text soon; returns at once."""
        if self._waiting[target.chat_id] >= _WAITING_PER_CHAT:
            self._log.info("telegram_notice_dropped", address=target.address, reason="too many are waiting")
            return
        self._waiting[target.chat_id] += 1
        task = asyncio.create_task(self._send(target, text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def refuse(self, target: Target, sender_id: int, text: str, *, asked: bool) -> None:
        """Tells somebody why there is no answer; not again for a while, unless they asked."""
        now = time.monotonic()
        told_at = self._refused_at.get((target.chat_id, sender_id))
        if not asked and told_at is not None and now - told_at < REFUSAL_REPEATS_AFTER_S:
            return
        if len(self._refused_at) >= _REMEMBERED_REFUSALS:
            self._refused_at.clear()
        self._refused_at[(target.chat_id, sender_id)] = now
        self.post(target, text)

    async def close(self) -> None:
        """Gives up what is still waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, target: Target, text: str) -> None:
        try:
            for chunk in plain(text):
                await self._deliver(target, chunk)
        except DeliveryError as error:
            self._log.warning("telegram_notice_lost", address=target.address, error=str(error))
        finally:
            self._waiting[target.chat_id] -= 1
            if not self._waiting[target.chat_id]:
                del self._waiting[target.chat_id]

    async def _deliver(self, target: Target, chunk: Chunk) -> None:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._send_chunk(target, chunk)
            except DeliveryDeferred as error:
                await asyncio.sleep(min(error.retry_after, _LONGEST_WAIT_S))
        return await self._send_chunk(target, chunk)

    async def _send_chunk(self, target: Target, chunk: Chunk) -> None:
        await self._sender.ready(target.address)
        await self._sender.deliver(target.address, chunk)
