"""Ends the process in time once it is told to stop, whatever its event loop is doing."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import structlog

from gateway.log import flush_log

log = structlog.get_logger(__name__)

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})
LAST_RESORT_S = 8.5
"""Ends the process with a margin: it must be gone within ten seconds, even on a busy machine."""
KERNEL_S = 9.0
"""After this the kernel ends the process (SIGALRM): an extension that holds the interpreter's lock lets no thread run."""
NOBODY = -1


@contextmanager
def watchdog() -> Iterator[None]:
    """Limits the time that a stop may take. Use in the main thread, once the event loop has its handlers for SIGTERM and SIGINT.

    Python runs signal handlers in the main thread, which an agent may block. The signal's number is written to the
    wakeup descriptor at once (`signal.set_wakeup_fd`), so a thread reads it there and passes it on to the event loop.
    """
    for number in STOPPING:
        _limit(number)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loops = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(ours, loops), name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(loops, warn_on_full_buffer=False)
        theirs.close()


def _limit(number: signal.Signals) -> None:
    """Sets the kernel's limit in the signal's handler too: `re` runs handlers, but lets no other thread run."""
    loops = signal.getsignal(number)

    def handle(caught: int, frame: FrameType | None) -> None:
        _set_limit()
        if callable(loops):
            loops(caught, frame)

    signal.signal(number, handle)


def _set_limit() -> None:
    if signal.getitimer(signal.ITIMER_REAL)[0] == 0:
        signal.setitimer(signal.ITIMER_REAL, KERNEL_S)


def _watch(ours: socket.socket, loops: int) -> None:
    armed = False
    with ours:
        while numbers := ours.recv(64):
            if loops != NOBODY:
                # A full descriptor wakes the loop anyway.
                with suppress(OSError):
                    os.write(loops, numbers)
            if not armed and STOPPING.intersection(numbers):
                armed = True
                _arm()


def _arm() -> None:
    _set_limit()
    timer = threading.Timer(LAST_RESORT_S, _give_up)
    timer.daemon = True
    timer.start()


def _give_up() -> None:
    # Every lease ends with the process or soon after; other replicas continue from what is committed.
    log.warning("stopping_gave_up", seconds=LAST_RESORT_S)
    flush_log()
    os._exit(0)
