"""Writes to a stream without making the process wait for its reader."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TextIO

FLUSH_S = 0.5
WAITING = 4096
"""Texts that may wait for the reader."""
TOGETHER = 64
"""Texts written at once …"""
PAUSE_S = 0.02
"""… and seconds before the thread checks again once all are written: each wake-up takes the interpreter's lock from all
other threads.
"""


class BackgroundWriter:
    """Writes texts to a stream in order, from a daemon thread of its own.

    What the stream does not accept (a full disk, a closed pipe), and what arrives while too many texts wait, is
    lost. The next text written is followed by the result of `of_loss` for their number.
    """

    def __init__(self, stream: TextIO, of_loss: Callable[[int], str] = lambda _lost: "") -> None:
        self._stream = stream
        self._of_loss = of_loss
        # Finalizers log too, perhaps in the middle of a `put`: this queue allows that.
        self._waiting: SimpleQueue[str | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._crowded_out = 0
        self._refused = 0
        self._told = 0
        self._torn = False

    def put(self, text: str) -> None:
        """Returns at once. Not for several threads at the same time."""
        # While the interpreter shuts down, a new thread never runs, and starting one blocks forever.
        if self._waiting.qsize() >= WAITING or (self._thread is None and sys.is_finalizing()):
            self._crowded_out += 1
            return
        self._waiting.put(text)
        if self._thread is None:
            thread = threading.Thread(target=self._write_all, name="background writer", daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads for now: the next text tries again
                thread.start()
                self._thread = thread

    def flush(self) -> None:
        """Returns when everything is written or lost, or after half a second."""
        if self._thread is not None and self._thread.is_alive():
            written = threading.Event()
            self._waiting.put(written)
            written.wait(FLUSH_S)

    def end(self) -> None:
        """Flushes; later texts are lost."""
        self.flush()
        self._waiting.put(None)

    def _write_all(self) -> None:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            texts, behind = self._with_those_behind(item)
            if self._written("".join(texts), len(texts)):
                self._tell_of_loss()
            if isinstance(behind, threading.Event):
                behind.set()
            elif behind is None:
                return
            elif len(texts) < TOGETHER:
                time.sleep(PAUSE_S)

    def _with_those_behind(self, first: str) -> tuple[list[str], threading.Event | str | None]:
        """Returns the texts to write at once, and what ended them: an event, None for the end, or an empty text."""
        texts = [first]
        while len(texts) < TOGETHER:
            try:
                item = self._waiting.get_nowait()
            except Empty:
                break
            if not isinstance(item, str):
                return texts, item
            texts.append(item)
        return texts, ""

    def _tell_of_loss(self) -> None:
        lost = self._crowded_out + self._refused - self._told
        if lost and self._written(self._of_loss(lost), 0):
            self._told += lost

    def _written(self, text: str, texts: int) -> bool:
        try:
            self._write(text)
        except (OSError, ValueError):  # ValueError: it is closed
            self._refused += texts
            return False
        return True

    def _write(self, text: str) -> None:
        try:
            number = self._stream.fileno()
        except io.UnsupportedOperation:
            self._stream.write(text)
            self._stream.flush()
            return
        # Past the stream's buffer: a thread that hangs in it would abort the process at its end.
        left = f"\n{text}" if self._torn else text
        data = memoryview(left.encode(self._stream.encoding, "backslashreplace"))
        while data:
            written = self._write_some(number, data)
            data = data[written:]
            self._torn = bool(data)

    def _write_some(self, number: int, data: memoryview) -> int:
        try:
            return os.write(number, data)
        except BlockingIOError:
            # Another process that shares it has made it non-blocking.
            room = select.poll()
            room.register(number, select.POLLOUT)
            room.poll()
            return 0
