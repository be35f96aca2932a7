"""Row 37: how many sockets may say hello at the same time."""

from __future__ import annotations

import asyncio

import pytest

from channels.websocket.admission import HELLOS, Admission
from channels.websocket.faults import TOO_SLOW, HangUp
from gateway.core.model import UserId


class Guests:
    """Clients that are admitted and stay until released. `names`: the admitted ones, in order."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.names: list[int] = []
        self.leave = asyncio.Event()

    async def comes(self, name: int) -> None:
        """Waits for its turn, and stays."""
        async with self.admission.entering():
            self.names.append(name)
            await self.leave.wait()


async def test_hellos_are_limited_and_served_in_order() -> None:
    """The others wait, and none is forgotten."""
    guests = Guests(Admission())
    async with asyncio.TaskGroup() as group:
        for name in range(3 * HELLOS):
            group.create_task(guests.comes(name))
        await asyncio.sleep(0)
        assert guests.admission.is_full
        assert len(guests.names) == HELLOS
        guests.leave.set()
    assert guests.names == list(range(3 * HELLOS))
    assert not guests.admission.is_full


async def test_a_hello_that_waits_too_long_is_told_to_reconnect() -> None:
    """Closed with 1013, and its place is free for others."""
    guests = Guests(Admission(patience_s=0.01))
    staying = [asyncio.create_task(guests.comes(name)) for name in range(HELLOS)]
    await asyncio.sleep(0)
    with pytest.raises(HangUp) as told:
        await guests.comes(HELLOS)
    assert told.value.code == TOO_SLOW
    guests.leave.set()
    await asyncio.gather(*staying)
    await guests.comes(HELLOS + 1)
    assert guests.names[-1] == HELLOS + 1


async def test_one_users_reads_do_not_delay_other_users() -> None:
    """However many sockets of one user read missed rows, another user's is admitted at once."""
    admission, done = Admission(), asyncio.Event()

    async def reads() -> None:
        async with admission.reading(UserId("ann")):
            await done.wait()

    crowd = [asyncio.create_task(reads()) for _ in range(50)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5), admission.reading(UserId("bob")):
        assert not any(task.done() for task in crowd)
    done.set()
    await asyncio.gather(*crowd)
