"""The gateway's chores: repeated even if one of them fails."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.errors import StoreUnavailable
from scheduler.housekeeping import Chore, Housekeeping
from tests.world import eventually

SOON = timedelta(milliseconds=20)


async def test_chores_are_done_again_and_again() -> None:
    """Each at its own interval, the first time soon."""
    done: list[str] = []

    async def do() -> None:
        done.append("often")

    async def seldom() -> None:
        done.append("seldom")

    async def enough() -> bool:
        return done.count("often") >= 3

    chores = (Chore("often", SOON, do), Chore("seldom", timedelta(hours=1), seldom))
    task = asyncio.create_task(Housekeeping(chores, first_after=timedelta(0)).run())
    await eventually(enough)
    task.cancel()
    await asyncio.wait({task})
    assert done.count("seldom") == 1


@pytest.mark.parametrize("error", [StoreUnavailable("The database is away."), RuntimeError("unforeseen")])
async def test_a_chore_that_fails_is_logged_and_tried_again(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log names it."""
    tries: list[int] = []

    async def do() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise error

    async def twice() -> bool:
        return len(tries) > 1

    task = asyncio.create_task(Housekeeping((Chore("sweeping", SOON, do),), first_after=timedelta(0)).run())
    await eventually(twice)
    task.cancel()
    await asyncio.wait({task})
    told = [line for line in capsys.readouterr().out.splitlines() if "chore=sweeping" in line]
    assert len(told) == 1
    assert "chore_failed" in told[0]


async def test_a_chore_that_is_late_is_not_done_twice_at_once() -> None:
    """One run at a time, however short its interval."""
    running, most, times = 0, 0, 0

    async def do() -> None:
        nonlocal running, most, times
        running += 1
        most, times = max(most, running), times + 1
        await asyncio.sleep(0.06)
        running -= 1

    async def enough() -> bool:
        return times >= 3

    task = asyncio.create_task(Housekeeping((Chore("slow", SOON, do),), first_after=timedelta(0)).run())
    await eventually(enough)
    task.cancel()
    await asyncio.wait({task})
    assert most == 1


async def test_a_stop_during_a_chore_is_logged_as_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """A gateway may be told to stop at any time."""
    begun = asyncio.Event()

    async def do() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Housekeeping((Chore("sweeping", SOON, do),), first_after=timedelta(0)).run())
    async with asyncio.timeout(30):
        await begun.wait()
        task.cancel()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
