"""Runs work while the main event loop is blocked: in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress

STOP_S = 1.0


async def in_own_loop(work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
    """Runs `work` to its end in a thread; raises what it raises. Cancelling cancels the work and waits a second at most."""
    outer = asyncio.get_running_loop()
    ended: asyncio.Future[None] = outer.create_future()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = Future()
    thread = threading.Thread(target=_live, args=(work, outer, ended, started), name=name, daemon=True)
    thread.start()
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        started.add_done_callback(_cancel)
        await asyncio.wait({ended}, timeout=STOP_S)
        raise


def _live(
    work: Callable[[], Coroutine[None, None, None]],
    outer: asyncio.AbstractEventLoop,
    ended: asyncio.Future[None],
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]],
) -> None:
    async def held() -> None:
        task = asyncio.ensure_future(work())
        started.set_result((asyncio.get_running_loop(), task))
        await task

    error: Exception | None = None
    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(held())
    except Exception as raised:  # noqa: BLE001 - raised again where it is awaited
        error = raised
    with suppress(RuntimeError):  # the outer loop is closed: nobody waits
        outer.call_soon_threadsafe(_settle, ended, error)


def _settle(ended: asyncio.Future[None], error: Exception | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)


def _cancel(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]]) -> None:
    loop, task = started.result()
    with suppress(RuntimeError):  # it has ended
        loop.call_soon_threadsafe(task.cancel)
