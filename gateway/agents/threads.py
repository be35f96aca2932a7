"""Runs blocking calls beside the event loop, in threads that do not delay the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

Answer = TypeVar("Answer")


async def in_daemon_thread(call: Callable[[], Answer]) -> Answer:
    """Returns or raises what the call does; the call sees the caller's context variables.

    Cancelling only ends the wait: the call continues until it or the process ends. `asyncio.to_thread` would
    keep the process until then, and a few such calls would make all others wait.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def settle(tell: Callable[[], None]) -> None:
        if not answer.done():
            tell()

    def tell(how: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, how)

    def work() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - the caller handles it, whatever it is
            fault = _raisable(error)
            tell(lambda: answer.set_exception(fault))
        else:
            tell(lambda: answer.set_result(result))

    threading.Thread(target=copy_context().run, args=(work,), name="agent", daemon=True).start()
    return await answer


def _raisable(error: BaseException) -> BaseException:
    """Futures reject `StopIteration`; a `SystemExit` or the like in a thread must not end the process."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"the call ended with {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
