"""Measures from another thread how long the event loop takes to respond, and finds out what blocks it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

DEEPEST = 3
"""Frames in a location, from the innermost outwards."""


class LoopWatch:
    """Watches the event loop it is created in. `heard`: receives the seconds that each response took."""

    def __init__(self, heard: Callable[[float], None] = lambda _seconds: None) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._heard = heard
        self._asked: float | None = None

    def ask(self) -> None:
        """Requests a response, unless one is still outstanding."""
        if self._asked is None:
            self._asked = time.monotonic()
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._answer)

    def silent_s(self) -> float:
        """For how many seconds a response has been outstanding."""
        asked = self._asked
        return 0.0 if asked is None else time.monotonic() - asked

    def task(self) -> asyncio.Task[None] | None:
        """The loop's current task."""
        return asyncio.current_task(self._loop)

    def place(self) -> str:
        """Where the loop's thread is, such as `client.py:12 fetch < agents.py:40 answer`."""
        return _place(sys._current_frames().get(self._thread))  # noqa: SLF001 - the documented way to another thread's frames

    def _answer(self) -> None:
        self._heard(self.silent_s())
        self._asked = None


def _place(frame: FrameType | None) -> str:
    steps: list[str] = []
    while frame is not None and len(steps) < DEEPEST:
        steps.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(steps)
