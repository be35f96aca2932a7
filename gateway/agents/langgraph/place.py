"""Where a conversation with a graph stands."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A thread and a checkpoint of it: an attempt that fails leaves checkpoints that no later turn starts from."""

    thread_id: str
    checkpoint_id: str

    @classmethod
    def of(cls, text: str) -> Place:
        """Reads what `str` returned."""
        thread_id, _, checkpoint_id = text.rpartition("@")
        return cls(thread_id, checkpoint_id)

    def __str__(self) -> str:
        return f"{self.thread_id}@{self.checkpoint_id}"
