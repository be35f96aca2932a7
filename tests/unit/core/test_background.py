"""Work that continues when its caller has gone."""

from __future__ import annotations

import asyncio
import gc

import pytest

from gateway.core.tasks.background import Background, settle


async def test_work_outlasts_its_caller(caplog: pytest.LogCaptureFixture) -> None:
    """The work ends normally, and asyncio does not log its failure as unhandled."""
    background, go_on, ended = Background(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        ended.set()
        raise ConnectionError("away")

    caller = asyncio.create_task(background.shielded(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})
    del caller
    go_on.set()
    await ended.wait()
    await asyncio.sleep(0)
    gc.collect()
    assert not caplog.records


async def test_work_continues_after_its_answer() -> None:
    """The caller gets the answer at once."""
    background, go_on, ended = Background(), asyncio.Event(), asyncio.Event()

    async def work(answered: asyncio.Future[str]) -> None:
        settle(answered, "yes")
        await go_on.wait()
        ended.set()

    assert await background.answering(work, "work") == "yes"
    assert len(background) == 1
    go_on.set()
    await ended.wait()


async def test_a_failure_before_the_answer_is_the_callers() -> None:
    """It is raised, and no task remains."""
    background = Background()

    async def work(_answered: asyncio.Future[str]) -> None:
        raise ConnectionError("away")

    with pytest.raises(ConnectionError, match="away"):
        await background.answering(work, "work")
    assert len(background) == 0
