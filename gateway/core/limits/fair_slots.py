"""A pool of slots with a fair queue: a newcomer never waits for another user's backlog."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count

from gateway.core.limits.shares import Claim, Group, Shares


class Place:
    """A place in the queue. Its holder waits for the slot with `comes` and releases it later, or `leave`s."""

    __slots__ = ("_came", "_slots", "claim", "number")

    def __init__(self, slots: FairSlots, claim: Claim, number: int) -> None:
        self.claim = claim
        self.number = number
        self._slots = slots
        self._came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def comes(self, seconds: float | None = None) -> bool:
        """Waits at most that many seconds; returns whether the slot is there. May be called again: the place is kept."""
        if not self._came.done():
            await asyncio.wait({self._came}, timeout=seconds)
        return self._came.done()

    def leave(self) -> None:
        """Gives up the place, or the slot if it has arrived."""
        if self._came.done():
            self._slots.release(self.claim)
        else:
            self._slots.forget(self)

    def call(self) -> None:
        """The slot is there and has been counted."""
        self._came.set_result(None)


class _Queue:
    """The claims that wait for one agent, by group and user. Whoever has just been served goes to the back."""

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        self._groups: OrderedDict[Group, OrderedDict[str, deque[Place]]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, place: Place) -> None:
        users = self._groups.setdefault(place.claim.group, OrderedDict())
        users.setdefault(place.claim.user, deque()).append(place)

    def remove(self, place: Place) -> None:
        """Removes a place, wherever it is in the queue."""
        group, user = place.claim.group, place.claim.user
        users = self._groups[group]
        users[user].remove(place)
        if not users[user]:
            del users[user]
        if not users:
            del self._groups[group]

    def rotate(self, claim: Claim) -> None:
        """Moves the group and user that were just served behind the others."""
        users = self._groups[claim.group]
        users.move_to_end(claim.user)
        self._groups.move_to_end(claim.group)

    def next(self, shares: Shares) -> Place | None:
        """Returns the first place of the user that holds the fewest slots among those that may have one, if there is room.

        A user without slots may always have one, so the search is short: it only passes groups and users that hold some.
        """
        best: Place | None = None
        least = 0
        for group, users in self._groups.items():
            held = shares.of_group(group)
            if best is not None and held >= least:
                continue
            place = users[_least(users, shares)][0]
            if shares.allow(place.claim):
                best, least = place, held
            if best is not None and not least:
                break
        return best


def _least(users: Iterable[str], shares: Shares) -> str:
    """Returns the one that holds the fewest slots, the first of several."""
    found, least = "", -1
    for user in users:
        held = shares.of_user(user)
        if least < 0 or held < least:
            found, least = user, held
        if not held:
            break
    return found


class FairSlots:
    """Slots shared by the rule of `Shares`. While one is free, nobody who may have it waits.

    Taking one without waiting costs a few additions and creates no task.
    """

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._numbers = count()
        self._queues: dict[str | None, _Queue] = {}

    def try_take(self, claim: Claim) -> bool:
        """Takes a slot if the claim may have one now. This overtakes nobody: those who wait could not have taken it."""
        if not self._shares.allow(claim):
            return False
        self._shares.take(claim)
        return True

    def enqueue(self, claim: Claim) -> Place:
        """Queues the claim and returns its place; the slot may be there at once."""
        place = Place(self, claim, next(self._numbers))
        if self.try_take(claim):
            place.call()
        else:
            self._queues.setdefault(claim.agent, _Queue()).add(place)
        return place

    async def take(self, claim: Claim, within: float | None = None) -> bool:
        """Takes a slot, waiting if necessary; returns False if there was none within that many seconds."""
        if self.try_take(claim):
            return True
        place = self.enqueue(claim)
        try:
            came = await place.comes(within)
        except BaseException:
            place.leave()
            raise
        if not came:
            place.leave()
        return came

    def release(self, claim: Claim) -> None:
        """Returns a slot, which goes to the next claim."""
        self._shares.give_back(claim)
        if self._queues:
            self._serve()

    def forget(self, place: Place) -> None:
        """Removes a place from the queue."""
        queue = self._queues[place.claim.agent]
        queue.remove(place)
        if not queue:
            del self._queues[place.claim.agent]

    @asynccontextmanager
    async def held(self, claim: Claim) -> AsyncIterator[None]:
        """Holds a slot for the block, waiting for it first."""
        await self.take(claim)
        try:
            yield
        finally:
            self.release(claim)

    def _serve(self) -> None:
        while (place := self._next()) is not None:
            self._shares.take(place.claim)
            place.call()

    def _next(self) -> Place | None:
        shares = self._shares
        first = (queue.next(shares) for agent, queue in self._queues.items() if shares.has_room(agent))
        place = min(filter(None, first), key=self._order, default=None)
        if place is not None:
            self._queues[place.claim.agent].rotate(place.claim)
            self.forget(place)
        return place

    def _order(self, place: Place) -> tuple[int, int]:
        return self._shares.of_group(place.claim.group), place.number
