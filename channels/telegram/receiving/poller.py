"""Our own long polling over raw updates: the offset moves only past settled ones (docs/telegram.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from telegram.error import Conflict

from channels.telegram.backoff import Backoff
from channels.telegram.bot_api.calls import BotApi
from channels.telegram.receiving.offsets import offset_after
from channels.telegram.receiving.updates import Updates, update_key
from channels.telegram.receiving.wire import chat_id, update_id
from gateway.core.model import JsonValue

_EMPTY_ANSWER_PAUSE_S = 0.2


class Poller:
    """Fetches one bot's updates and settles them: chats in parallel, each chat in order."""

    def __init__(self, api: BotApi, updates: Updates) -> None:
        self._api = api
        self._updates = updates
        self._backoff = Backoff(longest=8.0)
        self.reset()

    def reset(self) -> None:
        """Forgets the offset: another replica has polled since, and repeated updates are recognised by their keys."""
        self._offset = 0
        self._settled_ahead: set[str] = set()
        self._prepared = False

    async def prepare(self) -> None:
        """Makes polling possible, once; raises `TelegramError`s."""
        if not self._prepared:
            await self._api.begin_polling()
            self._prepared = True

    async def fetch(self) -> float:
        """Makes one call, which confirms what was settled before, and settles the result; returns the seconds to pause.

        Cancelling ends the waiting call at once. Raises `TelegramError`s, and `StoreUnavailable` if some of the updates
        have to come again.
        """
        before, began_at = self._offset, asyncio.get_running_loop().time()
        try:
            batch = await self._api.updates(before)
        except Conflict:
            # Another poller displaced this one, or somebody set a webhook, which has to be removed.
            self._prepared = False
            raise
        await self._settle(batch)
        if batch:
            return self._backoff.next() if self._offset == before else self._progress()
        took = asyncio.get_running_loop().time() - began_at
        return 0.0 if took > _EMPTY_ANSWER_PAUSE_S else _EMPTY_ANSWER_PAUSE_S

    def _progress(self) -> float:
        self._backoff.reset()
        return 0.0

    async def _settle(self, batch: Sequence[JsonValue]) -> None:
        """Settles the batch and moves the offset; raises `StoreUnavailable` if part of it has to come again."""
        chats: dict[int | None, list[int]] = {}
        for position, update in enumerate(batch):
            chats.setdefault(chat_id(update), []).append(position)
        settled: set[int] = set()
        outcomes = await asyncio.gather(
            *(self._settle_chat(batch, positions, settled) for positions in chats.values()), return_exceptions=True
        )
        ids = [update_id(update) for update in batch]
        self._offset = offset_after(ids, settled, self._offset)
        self._settled_ahead = {update_key(batch[position]) for position in settled if not self._confirms(ids[position])}
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    def _confirms(self, found: int | None) -> bool:
        return found is not None and found < self._offset

    async def _settle_chat(self, batch: Sequence[JsonValue], positions: Sequence[int], settled: set[int]) -> None:
        """Settles one chat's updates in order, up to the first that fails."""
        for position in positions:
            # Updates that the offset could not confirm come again; a chat command must not run twice.
            if update_key(batch[position]) not in self._settled_ahead:
                await self._updates.settle(batch[position])
            settled.add(position)
