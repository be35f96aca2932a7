"""Blocking calls beside the event loop, in threads that the end of the process does not wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

Answer = TypeVar("Answer")


async def in_daemon_thread(call: Callable[[], Answer]) -> Answer:
    """What the call answers or raises; it sees the caller's context variables.

    Cancelling ends the wait only: the call goes on by itself, until it or the process ends. `asyncio.to_thread` would
    keep the process until then, and a few such calls would keep all others waiting.
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
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
            fault = _bearable(error)
            tell(lambda: answer.set_exception(fault))
        else:
            tell(lambda: answer.set_result(result))

    threading.Thread(target=copy_context().run, args=(work,), name="agent", daemon=True).start()
    return await answer


def _bearable(error: BaseException) -> BaseException:
    """Futures refuse `StopIteration`; a `SystemExit` or the like of a thread is not the process's."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"the call ended with {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
