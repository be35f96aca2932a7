"""Slots of a common pool: who gets the next one, and what is kept free."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.limits.fair_slots import FairSlots, Place
from gateway.core.limits.shares import Claim, Shares

ANN, BOB, CAT = Claim("ann"), Claim("bob"), Claim("cat")


class Pool:
    """A pool of slots, with every claim on it."""

    def __init__(self, capacity: int, limits: dict[str, int] | None = None, *, agents_share: bool = False) -> None:
        self.capacity = capacity
        self.limits = limits or {}
        self.shares = Shares(capacity, limits, agents_share=agents_share)
        self.slots = FairSlots(self.shares)
        self.held: list[Claim] = []
        self.waiting: list[Place] = []

    def ask(self, claim: Claim) -> None:
        """Takes a slot or a place in the queue."""
        if self.slots.try_take(claim):
            self.held.append(claim)
        else:
            self.waiting.append(self.slots.enqueue(claim))

    def ask_often(self, claim: Claim, times: int) -> int:
        """Returns how many of that many slots the claim got."""
        before = len(self.held)
        for _ in range(times):
            self.ask(claim)
        return len(self.held) - before

    async def release(self, index: int) -> list[Claim]:
        """Releases a slot; returns the claims that got one."""
        self.slots.release(self.held.pop(index))
        return await self.served()

    async def leave(self, index: int) -> None:
        """Gives up a place."""
        self.waiting.pop(index).leave()
        await self.served()

    async def served(self) -> list[Claim]:
        """The claims whose slot has come."""
        came = [place for place in self.waiting if await place.comes(0)]
        self.waiting = [place for place in self.waiting if place not in came]
        self.held += [place.claim for place in came]
        return [place.claim for place in came]

    def check(self) -> None:
        """Checks the invariants."""
        assert self.shares.free == self.capacity - len(self.held) >= 0
        for agent, limit in self.limits.items():
            assert sum(claim.agent == agent for claim in self.held) <= limit
        assert not [place.claim for place in self.waiting if self.shares.allow(place.claim)], "a slot is free for these"
        with_none = {place.claim.group for place in self.waiting} - {claim.group for claim in self.held}
        open_to = {place.claim.group for place in self.waiting if self.shares.has_room(place.claim.agent)}
        assert not with_none & open_to, "these hold nothing, and there is room"


async def test_one_user_alone_gets_most_slots() -> None:
    """The rest is kept for newcomers."""
    assert Pool(256).ask_often(ANN, 300) == 180


async def test_small_pools_are_used_completely() -> None:
    """One of three slots cannot be kept free."""
    for capacity in (1, 2, 3):
        assert Pool(capacity).ask_often(ANN, 5) == capacity


async def test_a_newcomer_gets_a_slot_at_once() -> None:
    """However much others want: each of them leaves room for the next."""
    pool = Pool(256)
    got = [pool.ask_often(Claim(f"user-{number}"), 300) for number in range(20)]
    assert got[:4] == [180, 45, 12, 3]
    assert set(got[4:]) == {1}


async def test_an_address_counts_as_one() -> None:
    """A crowd of visitors leaves as much to others as a single user does, and something for the next one at its address."""
    pool = Pool(256)
    for number in range(16):
        pool.ask_often(Claim(f"visitor-{number}", "192.0.2.1"), 19)
    assert len(pool.held) < 192
    assert pool.ask_often(Claim("visitor-17", "192.0.2.1"), 1) == 1
    assert pool.ask_often(ANN, 30) == 30


async def test_agents_share_too() -> None:
    """A slow agent that everybody uses leaves an eighth to the others."""
    pool = Pool(256, agents_share=True)
    for number in range(400):
        pool.ask(Claim(f"user-{number}", None, "slow"))
    assert len(pool.held) == 224
    assert pool.ask_often(Claim("user-1", None, "quick"), 1) == 1


async def test_an_agent_has_its_own_limit() -> None:
    """Within that limit, one user leaves some to others."""
    pool = Pool(256, {"small": 8})
    assert pool.ask_often(Claim("ann", None, "small"), 20) == 6
    assert pool.ask_often(Claim("bob", None, "small"), 20) == 2
    assert pool.ask_often(Claim("ann", None, "large"), 20) == 20


async def test_the_user_with_the_fewest_slots_is_next() -> None:
    """Not the one that has waited longest and holds many."""
    pool = Pool(2)
    pool.ask_often(ANN, 10)
    pool.ask(BOB)
    assert await pool.release(0) == [BOB]


async def test_equal_users_alternate() -> None:
    """One each, then the next one each."""
    pool = Pool(1)
    pool.ask_often(ANN, 4)
    pool.ask_often(BOB, 3)
    pool.ask_often(CAT, 1)
    assert [(await pool.release(0))[0].user for _ in range(7)] == ["ann", "bob", "cat", "ann", "bob", "ann", "bob"]


async def test_a_place_survives_a_timeout() -> None:
    """A wait that times out does not lose its place."""
    pool = Pool(1)
    pool.ask_often(ANN, 1)
    pool.ask(BOB)
    pool.ask(CAT)
    assert not await pool.waiting[0].comes(0)
    assert await pool.release(0) == [BOB]


async def test_cancelling_leaks_no_slot() -> None:
    """Neither while waiting, nor after its slot had come."""
    slots = FairSlots(Shares(1))
    assert slots.try_take(ANN)
    tasks = [asyncio.create_task(slots.take(claim)) for claim in (BOB, CAT)]
    await asyncio.sleep(0)
    slots.release(ANN)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert slots.try_take(ANN)


async def test_waiting_can_time_out() -> None:
    """After a timeout, nothing was taken."""
    slots = FairSlots(Shares(1))
    assert slots.try_take(ANN)
    assert not await slots.take(BOB, 0.01)
    slots.release(ANN)
    assert await slots.take(CAT, 0.01)


# Properties ----------------------------------------------------------------------------------------------------------------

CLAIMS = st.builds(
    Claim,
    st.sampled_from(["ann", "bob", "cat", "dan", "eve"]),
    st.sampled_from([None, None, "192.0.2.1", "192.0.2.2"]),
    st.sampled_from(["one", "two", "three"]),
)
STEPS = st.lists(st.tuples(st.sampled_from(["ask", "ask", "ask", "release", "leave"]), CLAIMS, st.integers(0, 99)))
POOLS = st.builds(
    Pool,
    st.integers(1, 20),
    st.dictionaries(st.sampled_from(["one", "two"]), st.integers(1, 6)),
    agents_share=st.booleans(),
)


async def _play(pool: Pool, steps: Iterable[tuple[str, Claim, int]]) -> None:
    for deed, claim, index in steps:
        if deed == "ask":
            pool.ask(claim)
        elif deed == "release" and pool.held:
            await pool.release(index % len(pool.held))
        elif deed == "leave" and pool.waiting:
            await pool.leave(index % len(pool.waiting))
        pool.check()


@given(POOLS, STEPS)
def test_no_slot_is_free_while_a_claim_waits_for_it(pool: Pool, steps: list[tuple[str, Claim, int]]) -> None:
    """No slot is given twice, whatever happens; a user without slots waits only if there is no room at all."""
    asyncio.run(_play(pool, steps))


@given(POOLS, STEPS, st.randoms(use_true_random=False))
def test_nobody_starves(pool: Pool, steps: list[tuple[str, Claim, int]], dice: random.Random) -> None:
    """While others keep asking, each waiting claim is served before any other is served twice as often."""

    async def play() -> None:
        await _play(pool, steps)
        waiting = list(pool.waiting)
        for _ in range(2 * (len(waiting) + len(pool.held)) + 2):
            if not pool.held:
                break
            pool.ask(pool.held[dice.randrange(len(pool.held))])
            await pool.release(dice.randrange(len(pool.held)))
        while pool.held:
            await pool.release(0)
        assert not pool.waiting

    asyncio.run(play())


@pytest.mark.parametrize("backlog", [46, 300])
async def test_a_backlog_is_not_waited_for(backlog: int) -> None:
    """When all slots are taken, a newcomer gets the next one, whatever the others' backlogs are."""
    pool = Pool(64)
    number = 0
    while pool.shares.free:
        pool.ask_often(Claim(f"user-{number}"), backlog)
        number += 1
    pool.ask(ANN)
    assert await pool.release(0) == [ANN]
