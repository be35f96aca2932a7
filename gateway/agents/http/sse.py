"""Reads server-sent events from bytes (HTML standard, section 9.2.6); pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.agents.http.faults import Unusable

LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)
"""A carriage return at the end of what has been read may be half of a line end."""
BOM = b"\xef\xbb\xbf"


class EventStream:
    """Splits bytes into the data of events; other fields and comments are left out."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes of one event, and of one line."""
        self._limit = limit
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yields the data of each event that ends in this piece. Raises `Unusable` if one is too long."""
        self._rest += piece
        if b"\n" not in piece and b"\r" not in self._rest[-len(piece) - 1 :]:
            self._check(len(self._rest))
            return
        *lines, rest = LINE_END.split(bytes(self._rest))
        self._rest = bytearray(rest)
        for line in lines:
            yield from self._read(line)
        self._check(len(rest))

    def _read(self, line: bytes) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(BOM)
        self._check(len(line))
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._keep(value.removeprefix(b" "))
        elif self._data:
            yield b"\n".join(self._data)
            self._data.clear()
            self._size = 0

    def _keep(self, data: bytes) -> None:
        self._size += len(data) + 1
        self._check(self._size)
        self._data.append(data)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise Unusable(f"sent an event of more than {self._limit:,} bytes.")
