"""Repeats calls to the store: if a commit gets no answer, nobody knows whether it happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from gateway.errors import StoreUnavailable

Result = TypeVar("Result")
PATIENCE_S = 4.0


async def retry_until_answered(call: Callable[[], Awaitable[Result]]) -> Result:
    """Repeats a call until it returns. Raises definite refusals, such as `LeaseLost`."""
    return await _repeated(call, attempts=None, timeout=None, wait_max=2.0)


async def retry_for_caller(call: Callable[[], Awaitable[Result]]) -> Result:
    """Repeats a call while a caller waits for it. Raises `StoreUnavailable` after about four seconds."""
    return await _repeated(call, attempts=3, timeout=PATIENCE_S, wait_max=0.5)


async def _repeated(
    call: Callable[[], Awaitable[Result]], attempts: int | None, timeout: float | None, wait_max: float
) -> Result:
    # The first call bypasses the retry machinery, which costs a tenth of a millisecond.
    try:
        return await call()
    except StoreUnavailable:
        pass
    async for attempt in stamina.retry_context(
        on=StoreUnavailable, attempts=attempts, timeout=timeout, wait_initial=0.05, wait_max=wait_max
    ):
        with attempt:
            return await call()
    raise AssertionError("a retry ends with an answer or an error")
