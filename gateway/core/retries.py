"""Calls to the store that are worth repeating: nobody knows whether a commit that got no answer happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from gateway.errors import StoreUnavailable

Result = TypeVar("Result")
PATIENCE_S = 4.0


async def insist(call: Callable[[], Awaitable[Result]]) -> Result:
    """The answer of a call, repeated until there is one. Raises what says no, such as `LeaseLost`."""
    return await _repeated(call, attempts=None, timeout=None, wait_max=2.0)


async def try_again(call: Callable[[], Awaitable[Result]]) -> Result:
    """The answer of a call, repeated while somebody waits for it. Raises `StoreUnavailable` after about four seconds."""
    return await _repeated(call, attempts=3, timeout=PATIENCE_S, wait_max=0.5)


async def _repeated(
    call: Callable[[], Awaitable[Result]], attempts: int | None, timeout: float | None, wait_max: float
) -> Result:
    # The first call goes without the machinery of repeating, which costs a tenth of a millisecond.
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
