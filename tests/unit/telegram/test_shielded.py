"""Requests whose caller has gone."""

from __future__ import annotations

import asyncio
import gc

import pytest

from channels.telegram.bot_api.shielded import ShieldedRequests


async def test_an_abandoned_request_that_fails_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Every "typing …" overtaken by the answer may end this way."""
    shielded, go_on = ShieldedRequests(), asyncio.Event()

    async def request() -> None:
        await go_on.wait()
        raise ConnectionError("refused")

    caller = asyncio.create_task(shielded.run(request()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})
    go_on.set()
    while shielded._under_way:  # noqa: ASYNC110 - the remaining task has no event
        await asyncio.sleep(0)
    del caller
    gc.collect()
    assert not caplog.records
