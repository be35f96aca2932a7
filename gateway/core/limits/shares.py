"""How many slots of a common pool each user may hold: pure counting, a few additions per slot.

A slot that is held cannot be taken back, so a few users must never get all of them: a group may hold three times as many slots as are
free. Alone it gets about 70 %; several share so that there is always something left for the next one (dynamic thresholds:
Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998). A sixteenth is kept for users that hold none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

from gateway.core.values import value

SHARE = 3
"""Slots that a group may hold for each free one."""
AGENT_SHARE = 7
"""Slots that an agent may have for each free one if there are several agents: all but an eighth of the pool."""
RESERVE = 16
"""One in this many slots is reserved for users that hold none."""

Key = TypeVar("Key")
Group: TypeAlias = tuple[Literal["address", "user"], str]


@value
class Claim:
    """What a slot is wanted for. `address`: for users that anybody can create, such as visitors."""

    user: str
    address: str | None = None
    agent: str | None = None

    @property
    def group(self) -> Group:
        """Whose share the slot counts towards: all visitors of an address together, or the user."""
        return ("user", self.user) if self.address is None else ("address", self.address)


class Shares:
    """Counts the slots in use. `most`: slots of a group, at any time.

    `limits`: slots of individual agents; the others share, if `agents_share`.
    """

    def __init__(
        self,
        capacity: int,
        limits: Mapping[str, int] | None = None,
        *,
        most: int | None = None,
        agents_share: bool = False,
    ) -> None:
        self.free = capacity
        self._most = capacity if most is None else most
        self._reserve = capacity // RESERVE
        self._limits = limits or {}
        self._agents_share = agents_share
        self._counts_agents = agents_share or bool(limits)
        self._groups: dict[Group, int] = {}
        self._users: dict[str, int] = {}
        self._agents: dict[str, int] = {}
        self._pairs: dict[tuple[Group, str], int] = {}

    def of_group(self, group: Group) -> int:
        """Slots held by the group."""
        return self._groups.get(group, 0)

    def of_user(self, user: str) -> int:
        """Slots held by the user."""
        return self._users.get(user, 0)

    def has_room(self, agent: str | None) -> bool:
        """Whether anybody may have a slot for that agent now."""
        return self.free > 0 and (agent is None or self._room(agent) > 0)

    def allow(self, claim: Claim) -> bool:
        """Whether the claim may have one of the free slots now."""
        group = claim.group
        return self._group_allows(group, claim) and (claim.agent is None or self._agent_allows(group, claim.agent))

    def take(self, claim: Claim) -> None:
        """Counts a slot given to the claim."""
        self.free -= 1
        self._count(claim, 1)

    def give_back(self, claim: Claim) -> None:
        """Counts a slot returned by the claim."""
        self.free += 1
        self._count(claim, -1)

    def _group_allows(self, group: Group, claim: Claim) -> bool:
        held, own = self._groups.get(group, 0), self._users.get(claim.user, 0)
        if held >= self._most:
            return False
        if not held or not own:
            return held < SHARE * self.free
        room = SHARE * (self.free - self._reserve) - held
        # The same rule applies among the visitors of an address, to what the address may still get: room / (SHARE + 1).
        return room > 0 and (claim.address is None or own * (SHARE + 1) < SHARE * room)

    def _agent_allows(self, group: Group, agent: str) -> bool:
        pair = self._pairs.get((group, agent), 0)
        if agent in self._limits:
            return pair < SHARE * self._room(agent)
        return not self._agents_share or pair * (AGENT_SHARE + 1) < SHARE * self._room(agent)

    def _room(self, agent: str) -> int:
        """How far the agent is from its limit; where agents share, in eighths of what it may still get."""
        held = self._agents.get(agent, 0)
        if (limit := self._limits.get(agent)) is not None:
            return limit - held
        return AGENT_SHARE * self.free - held if self._agents_share else self.free

    def _count(self, claim: Claim, change: int) -> None:
        group = claim.group
        _add(self._groups, group, change)
        _add(self._users, claim.user, change)
        if claim.agent is not None and self._counts_agents:
            _add(self._agents, claim.agent, change)
            _add(self._pairs, (group, claim.agent), change)


def _add(counts: dict[Key, int], key: Key, change: int) -> None:
    left = counts.get(key, 0) + change
    if left:
        counts[key] = left
    else:
        del counts[key]
