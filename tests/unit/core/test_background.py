"""Work that goes on when its caller has gone."""

from __future__ import annotations

import asyncio
import gc

import pytest

from gateway.core.background import Background


async def test_work_outlasts_its_caller(caplog: pytest.LogCaptureFixture) -> None:
    """It comes to its end, and its failure is nobody's any more: asyncio logs no error."""
    background, go_on, ended = Background(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        ended.set()
        raise ConnectionError("away")

    caller = asyncio.create_task(background.outlasting(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})
    del caller
    go_on.set()
    await ended.wait()
    await asyncio.sleep(0)
    gc.collect()
    assert not caplog.records
