"""The updates that a bot has not confirmed yet, and their ids."""

from dataclasses import dataclass

from tests.fakes.bot_api.wire import Json

FIRST_UPDATE_ID = 100_000
# An offset further ahead than this is taken for one from before a restart of the ids (tdlib/td, TQueue::get).
_FUTURE = 10


@dataclass(slots=True, eq=False)
class QueuedUpdate:
    """A pending update; with `again`, it is kept despite higher offsets until it was delivered once."""

    update_id: int
    body: Json
    chat_id: int | None
    again: bool = False


class UpdateQueue:
    """Returns updates in order of arrival, and deletes them when a higher offset confirms them."""

    def __init__(self, next_update_id: int = FIRST_UPDATE_ID) -> None:
        self.next_update_id = next_update_id
        self.confirmed_offset = 0
        self._pending: list[QueuedUpdate] = []
        self._seen: dict[int, QueuedUpdate] = {}

    @property
    def pending(self) -> tuple[QueuedUpdate, ...]:
        return tuple(self._pending)

    def append(self, body: Json, chat_id: int | None) -> QueuedUpdate:
        """Queues a body under the next id, which the body should already carry."""
        update = QueuedUpdate(self.next_update_id, body, chat_id)
        self.next_update_id += 1
        self._pending.append(update)
        self._seen[update.update_id] = update
        return update

    def redeliver(self, update_id: int) -> None:
        """Queues an earlier update again, confirmed or not; `KeyError` if there was none."""
        seen = self._seen[update_id]
        self._pending.append(QueuedUpdate(seen.update_id, seen.body, seen.chat_id, again=True))

    def restart(self, next_update_id: int) -> None:
        """Continues with other ids, as Telegram does after an idle week; `ValueError` while updates are pending."""
        if self._pending:
            raise ValueError("updates are pending; ids restart only when all are confirmed")
        self.next_update_id = next_update_id

    def confirm(self, offset: int) -> None:
        """Deletes ids below a positive offset; a negative one keeps only the last `-offset` updates."""
        if offset < 0:
            self._pending = self._pending[offset:]
        elif 0 < offset <= self.next_update_id + _FUTURE:
            self._pending = [update for update in self._pending if update.update_id >= offset or update.again]
            self.confirmed_offset = offset

    def batch(self, limit: int) -> list[Json]:
        """The oldest updates, which stay pending."""
        taken = self._pending[:limit]
        for update in taken:
            update.again = False
        return [update.body for update in taken]

    def remove(self, update: QueuedUpdate) -> None:
        """Removes an update that a webhook accepted."""
        if update in self._pending:
            self._pending.remove(update)
            self.confirmed_offset = max(self.confirmed_offset, update.update_id + 1)

    def clear(self) -> None:
        self._pending.clear()
