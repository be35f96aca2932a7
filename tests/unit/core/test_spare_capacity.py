"""Work that can wait gives way to turns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.core.model import AgentName
from gateway.core.titles.spare_capacity import MOST_TRIES, SpareCapacity

AGENT, OTHER = AgentName("assistant"), AgentName("other")


async def steps() -> None:
    """Lets all pending tasks run."""
    for _ in range(10):
        await asyncio.sleep(0)


class Work:
    """Work that lasts until it is released; counts how often it was started."""

    def __init__(self, room: int | None = None) -> None:
        self.spare_capacity = SpareCapacity({} if room is None else {AGENT: room})
        self.begun = 0
        self.go_on = asyncio.Event()

    @contextmanager
    def turn(self, agent: AgentName) -> Iterator[None]:
        ended = self.spare_capacity.begin_turn(agent)
        yield
        ended()

    async def call(self) -> str:
        self.begun += 1
        await self.go_on.wait()
        return "done"

    async def starts(self, agent: AgentName = AGENT) -> asyncio.Task[str | None]:
        task = asyncio.create_task(self.spare_capacity.use(agent, self.call))
        await steps()
        return task


async def test_work_waits_while_a_turn_runs() -> None:
    """It starts when the turn ends."""
    work = Work()
    with work.turn(AGENT):
        task = await work.starts()
        assert work.begun == 0
    work.go_on.set()
    assert await task == "done"


async def test_a_turn_interrupts_work_which_then_restarts() -> None:
    """The turn does not wait."""
    work = Work(room=1)
    task = await work.starts()
    with work.turn(AGENT):
        await steps()
        assert work.begun == 1
        work.go_on.set()
        await steps()
        assert not task.done()
    assert await task == "done"
    assert work.begun == 2


async def test_capacity_follows_the_settings() -> None:
    """One place per turn or piece of work; the newest work is interrupted first."""
    work = Work(room=3)
    tasks = [await work.starts() for _ in range(4)]
    assert work.begun == 3
    with work.turn(AGENT), work.turn(AGENT):
        work.go_on.set()
        assert await asyncio.gather(*tasks) == ["done"] * 4
    assert work.begun == 4 + 2


async def test_agents_do_not_wait_for_each_other() -> None:
    """A turn of another agent does not interrupt."""
    work = Work()
    with work.turn(OTHER):
        task = await work.starts()
        assert work.begun == 1
    work.go_on.set()
    assert await task == "done"


async def test_without_spare_capacity_the_work_runs_beside_turns_in_the_end() -> None:
    """If the agent's capacity is unknown; the next turn still interrupts it."""
    work = Work()
    work.spare_capacity = SpareCapacity({}, idle_s=0.01)

    async def begun(times: int) -> None:
        async with asyncio.timeout(10):
            while work.begun < times:  # noqa: ASYNC110 - the work has no events
                await asyncio.sleep(0.005)

    with work.turn(AGENT):
        task = await work.starts()
        await begun(1)
        with work.turn(AGENT):
            await begun(2)
    work.go_on.set()
    assert await task == "done"


async def test_work_that_is_always_interrupted_is_dropped() -> None:
    """After ten times."""
    work = Work()
    task = await work.starts()
    while not task.done():
        with work.turn(AGENT):
            await steps()
        await steps()
    assert await task is None
    assert work.begun == MOST_TRIES


async def test_cancelled_work_leaves_room() -> None:
    """Cancelled while waiting, or at work."""
    work = Work(room=1)
    at_work, waiting = await work.starts(), await work.starts()
    for task in (waiting, at_work):
        task.cancel()
    await asyncio.wait({at_work, waiting})
    work.go_on.set()
    assert await work.spare_capacity.use(AGENT, work.call) == "done"


async def test_what_the_work_raises_is_raised() -> None:
    """And leaves room."""
    room = SpareCapacity({AGENT: 1})

    async def fails() -> str:
        raise RuntimeError("no idea")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no idea"):
            await room.use(AGENT, fails)
