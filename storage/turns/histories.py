"""Caches the latest messages of busy sessions, so that a turn's history need not be read each time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from gateway.core.model import ChatId, Message
from gateway.core.values import value

MOST_BYTES = 64_000_000
"""For all sessions together."""
ROW_BYTES = 1_000
"""What a message takes besides its text: its ids, times and objects."""
JSON_WEIGHT = 4
"""How many times larger JSON objects are than their text."""


class Row(NamedTuple):
    """A message, the `seq` of its turn, and its approximate size in bytes."""

    turn: int
    message: Message
    size: int


def to_row(turn: int, message: Message) -> Row:
    """Makes a row from a message."""
    plain = len(message.parts) == 1 and message.parts[0].get("type") == "text" and not message.metadata
    beside = 0 if plain else JSON_WEIGHT * len(orjson.dumps([*message.parts, message.metadata]))
    return Row(turn, message, ROW_BYTES + len(message.content) + beside)


@value
class Known:
    """The end of a transcript, valid while its last row is `seq` and its history has that version.

    Together they identify one state of it: each append increments `seq`, and every other change of a row raises the version
    (`raise_history_version`). `turns`: the `seq`s at which the turns in the history start, `depth` of them or as many as there are. Each
    row belongs to one of these: how much of the rows from before there were turns is included, only Postgres decides, each time.
    """

    seq: int
    version: int
    depth: int
    turns: tuple[int, ...]
    rows: tuple[Row, ...]
    size: int

    @classmethod
    def of(cls, seq: int, version: int, depth: int, turns: tuple[int, ...], rows: tuple[Row, ...]) -> Known:
        """Creates it together with its size in bytes."""
        return cls(seq, version, depth, turns, rows, sum(row.size for row in rows))

    def then(self, turn: int, message: Message) -> Known:
        """Returns it with the next row. `turn`: the `seq` of its turn."""
        row = to_row(turn, message)
        turns, rows, size = self.turns, (*self.rows, row), self.size + row.size
        if turns[-1:] != (turn,):
            turns = (*turns, turn)[-self.depth :]
            gone = 0
            while rows[gone].turn < turns[0]:
                size -= rows[gone].size
                gone += 1
            rows = rows[gone:]
        return Known(message.seq, self.version, self.depth, turns, rows, size)

    def history(self, seq: int, depth: int) -> tuple[Message, ...]:
        """Returns what `turn_history` in Postgres returns for the `depth` turns before `seq`."""
        turns = tuple(turn for turn in self.turns if turn < seq)[-depth:]
        return tuple(row.message for row in self.rows if row.turn in turns)


@dataclass(slots=True)
class Histories:
    """The busiest sessions, as many as fit into `most` bytes."""

    most: int = MOST_BYTES
    _known: OrderedDict[ChatId, Known] = field(default_factory=OrderedDict)
    _size: int = 0

    def at(self, chat_id: ChatId, seq: int, version: int) -> Known | None:
        """Returns what is cached for the session while `seq` is its last row."""
        known = self._known.get(chat_id)
        return known if known is not None and (known.seq, known.version) == (seq, version) else None

    def keep(self, chat_id: ChatId, known: Known) -> None:
        """Replaces what is cached for the session. The oldest sessions make room; anything larger than the whole cache is not kept."""
        self.drop(chat_id)
        if known.size > self.most:
            return
        self._known[chat_id] = known
        self._size += known.size
        while self._size > self.most:
            self.drop(next(iter(self._known)))

    def drop(self, chat_id: ChatId) -> None:
        known = self._known.pop(chat_id, None)
        if known is not None:
            self._size -= known.size
