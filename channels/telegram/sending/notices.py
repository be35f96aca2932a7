"""Notices: short answers of the gateway itself. Sent on a best-effort basis, stored nowhere."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import structlog

from channels.telegram.sending.render import plain
from channels.telegram.sending.sender import Sender
from channels.telegram.target import Target
from gateway.core.outbound import Chunk
from gateway.errors import DeliveryDeferred, DeliveryError

_WAITING_PER_CHAT = 5
_ATTEMPTS = 3
_LONGEST_WAIT_S = 60.0
REFUSAL_REPEATS_AFTER_S = 3600.0
"""Seconds; people without access are told so at most this often, however much they write."""
SLOW_DOWN_REPEATS_AFTER_S = 60.0
"""Seconds; people who write too fast are told so at most this often."""
_REMEMBERED = 10_000


class Notices:
    """Sends notices in the background, at most a few per chat at a time."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._waiting: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_at: dict[tuple[str, int, int], float] = {}
        self._log = structlog.get_logger()

    def post(self, target: Target, text: str) -> bool:
        """Sends the text soon; returns at once. False: too many notices for the chat are waiting already."""
        if self._waiting[target.chat_id] >= _WAITING_PER_CHAT:
            self._log.info("telegram_notice_dropped", address=target.address, reason="too many messages are waiting")
            return False
        self._waiting[target.chat_id] += 1
        task = asyncio.create_task(self._send(target, text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def refuse(self, target: Target, sender_id: int, text: str, *, asked: bool) -> None:
        """Tells a person why there is no answer; not again for a while, unless they asked."""
        self._once(("refused", target.chat_id, sender_id), target, text, 0 if asked else REFUSAL_REPEATS_AFTER_S)

    def slow_down(self, target: Target, sender_id: int, text: str) -> None:
        """Tells a person that their messages are not accepted; not again for a while, however many they send."""
        self._once(("slow down", target.chat_id, sender_id), target, text, SLOW_DOWN_REPEATS_AFTER_S)

    def _once(self, key: tuple[str, int, int], target: Target, text: str, repeats_after_s: float) -> None:
        now = time.monotonic()
        told_at = self._told_at.get(key)
        if (told_at is not None and now - told_at < repeats_after_s) or not self.post(target, text):
            return
        if len(self._told_at) >= _REMEMBERED:
            self._told_at.clear()
        self._told_at[key] = now

    async def close(self) -> None:
        """Drops notices that are still waiting."""
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
