"""Which items share a batch, and the outcome of each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from gateway.errors import StoreUnavailable
from storage.batches import Batches


class Statement:
    """Stands in for a statement: each call waits until it is released, and then answers in capitals."""

    def __init__(self, *, held: bool = False) -> None:
        self.calls: list[list[str]] = []
        self.gates: list[asyncio.Event] = []
        self.error: Exception | None = None
        self.held = held
        self._began = asyncio.Condition()

    async def run(self, items: Sequence[str]) -> Mapping[int, str]:
        gate = asyncio.Event()
        self.calls.append(list(items))
        self.gates.append(gate)
        async with self._began:
            self._began.notify_all()
        if self.held:
            await gate.wait()
        if self.error is not None:
            raise self.error
        return {place: item.upper() for place, item in enumerate(items) if item != "odd"}

    async def called(self, times: int) -> None:
        """Waits until that many calls have begun."""
        async with asyncio.timeout(5), self._began:
            await self._began.wait_for(lambda: len(self.calls) >= times)


async def test_what_comes_at_the_same_moment_leaves_together() -> None:
    """One call, and each caller gets its own answer."""
    statement = Statement()
    batches = Batches(statement.run)
    assert await asyncio.gather(*(batches.ask(item, item) for item in "abc")) == list("ABC")
    assert statement.calls == [["a", "b", "c"]]


async def test_an_item_alone_waits_for_nobody() -> None:
    """It does not wait for others."""
    statement = Statement()
    assert await Batches(statement.run).ask("a", "a") == "A"


async def test_what_comes_while_every_lane_is_taken_leaves_with_the_next_free_one() -> None:
    """In order of arrival, and no more than fit."""
    statement = Statement(held=True)
    batches = Batches(statement.run, lanes=1, most=2)
    first = asyncio.create_task(batches.ask("a", "a"))
    await statement.called(1)
    rest = asyncio.gather(*(batches.ask(item, item) for item in "bcd"))
    for number in range(3):
        await statement.called(number + 1)
        statement.gates[number].set()
    assert [await first, *await rest] == ["A", "B", "C", "D"]
    assert statement.calls == [["a"], ["b", "c"], ["d"]]


async def test_a_batch_that_hangs_holds_up_no_other() -> None:
    """A connection may hang for as long as a statement may take."""
    statement = Statement(held=True)
    batches = Batches(statement.run, lanes=1, patience_s=0)
    hanging = asyncio.create_task(batches.ask("a", "a"))
    await statement.called(1)
    other = asyncio.create_task(batches.ask("b", "b"))
    await statement.called(2)
    statement.gates[1].set()
    assert await other == "B"
    assert not hanging.done()
    statement.gates[0].set()
    assert await hanging == "A"


async def test_an_item_that_is_left_out_is_done_by_itself() -> None:
    """The others have their answers."""
    batches = Batches(Statement().run)
    assert await asyncio.gather(*(batches.ask(item, item) for item in ("a", "odd"))) == ["A", None]


async def test_a_batch_that_fails_leaves_each_item_to_itself() -> None:
    """The item at fault then raises its error, and the others don't."""
    statement = Statement()
    statement.error = ValueError("a NUL")
    batches = Batches(statement.run)
    assert await asyncio.gather(*(batches.ask(item, item) for item in "ab")) == [None, None]


async def test_a_batch_that_took_too_long_says_so() -> None:
    """Nobody waits twice as long as for a statement of its own."""
    statement = Statement()
    statement.error = StoreUnavailable("away")
    statement.error.__cause__ = TimeoutError()
    with pytest.raises(StoreUnavailable, match="away"):
        await Batches(statement.run).ask("a", "a")


async def test_an_error_that_is_everybodys_is_heard_by_everybody() -> None:
    """Nobody retries alone what would fail the same way."""
    statement = Statement()
    statement.error = StoreUnavailable("away")
    batches = Batches(statement.run, alone_after=lambda error: not isinstance(error, StoreUnavailable))
    outcomes = await asyncio.gather(*(batches.ask(item, item) for item in "ab"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2


async def test_items_of_one_key_are_never_under_way_together() -> None:
    """The second waits for the first, and is done alone."""
    statement = Statement(held=True)
    batches = Batches(statement.run)
    first, second = (asyncio.create_task(batches.ask("key", item)) for item in "ab")
    await statement.called(1)
    assert not second.done()
    statement.gates[0].set()
    assert [await first, await second] == ["A", None]
    assert statement.calls == [["a"]]


async def test_an_item_nobody_waits_for_does_not_leave() -> None:
    """And its key is free again."""
    statement = Statement(held=True)
    batches = Batches(statement.run, lanes=1)
    first = asyncio.create_task(batches.ask("a", "a"))
    await statement.called(1)
    given_up = asyncio.create_task(batches.ask("b", "b"))
    await asyncio.sleep(0)
    given_up.cancel()
    statement.held = False
    statement.gates[0].set()
    assert await first == "A"
    assert await batches.ask("b", "b") == "B"
    assert statement.calls == [["a"], ["b"]]


async def test_a_batch_goes_on_without_one_of_its_callers() -> None:
    """The statement is under way: only the other callers get the result."""
    statement = Statement(held=True)
    batches = Batches(statement.run)
    given_up, other = (asyncio.create_task(batches.ask(item, item)) for item in "ab")
    await statement.called(1)
    given_up.cancel()
    statement.gates[0].set()
    assert await other == "B"


async def test_a_caller_that_is_alone_frees_its_lane_when_it_gives_up() -> None:
    """Its statement ends with it, and the next item leaves."""
    statement = Statement(held=True)
    batches = Batches(statement.run, lanes=1)
    alone = asyncio.create_task(batches.ask("a", "a"))
    await statement.called(1)
    other = asyncio.create_task(batches.ask("b", "b"))
    await asyncio.sleep(0)
    statement.held = False
    alone.cancel()
    async with asyncio.timeout(5):
        assert await other == "B"
    assert await batches.ask("a", "a") == "A"


async def test_an_item_behind_many_that_nobody_waits_for_leaves() -> None:
    """A batch with no items left makes room for the next."""
    statement = Statement()
    batches = Batches(statement.run, lanes=1, most=2)
    given_up = [asyncio.create_task(batches.ask(item, item)) for item in "ab"]

    async def give_up_and_ask() -> str | None:
        for each in given_up:
            each.cancel()
        return await batches.ask("c", "c")

    async with asyncio.timeout(5):
        assert await asyncio.create_task(give_up_and_ask()) == "C"
