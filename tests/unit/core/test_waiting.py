"""Loops that wait for the earliest of several times."""

from __future__ import annotations

import asyncio

from gateway.core.tasks.waiting import Alarm, happens


async def test_an_earlier_time_wakes_a_waiter_for_a_later_one() -> None:
    """A later time does not make it wait longer."""
    alarm = Alarm()
    alarm.set(60)
    waiting = asyncio.create_task(alarm.rings())
    await asyncio.sleep(0)
    alarm.set(0.01)
    alarm.set(120)
    async with asyncio.timeout(10):
        await waiting


async def test_an_alarm_that_went_off_is_no_longer_set() -> None:
    """Each time wakes the loop once."""
    alarm = Alarm()
    alarm.set(0)
    await alarm.rings()
    again = asyncio.create_task(alarm.rings())
    done, _ = await asyncio.wait({again}, timeout=0.05)
    again.cancel()
    assert not done


async def test_a_wait_for_an_event_reports_whether_it_happened() -> None:
    """Within the time limit."""
    event = asyncio.Event()
    assert not await happens(event, within=0.01)
    event.set()
    assert await happens(event, within=None)
