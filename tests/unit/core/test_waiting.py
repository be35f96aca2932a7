"""Loops that wait for the earliest of several times."""

from __future__ import annotations

import asyncio

from gateway.core.waiting import Alarm, happens


async def test_an_earlier_time_wakes_who_waits_for_a_later_one() -> None:
    """And a later one keeps nobody waiting for longer."""
    alarm = Alarm()
    alarm.set(60)
    waiting = asyncio.create_task(alarm.rings())
    await asyncio.sleep(0)
    alarm.set(0.01)
    alarm.set(120)
    async with asyncio.timeout(10):
        await waiting


async def test_an_alarm_that_has_gone_off_is_set_no_longer() -> None:
    """Each time wakes the loop once."""
    alarm = Alarm()
    alarm.set(0)
    await alarm.rings()
    again = asyncio.create_task(alarm.rings())
    done, _ = await asyncio.wait({again}, timeout=0.05)
    again.cancel()
    assert not done


async def test_who_waits_for_an_event_hears_whether_it_happened() -> None:
    """Before the time was up."""
    event = asyncio.Event()
    assert not await happens(event, within=0.01)
    event.set()
    assert await happens(event, within=None)
