"""One look at everything that may wait for a replica."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from gateway.core.model import TurnId, UserId


@dataclass(frozen=True, slots=True)
class InHand:
    """What a replica works on already, and whom it serves: the look is for what it does not know yet.

    `running`, `held`: its turns and its chunks. `tokens`: digests of the API tokens with an open socket; `visitors`: those with one.
    `quiet`, `every`: when states are saved.
    """

    running: tuple[TurnId, ...]
    held: tuple[int, ...]
    tokens: tuple[bytes, ...]
    visitors: tuple[UserId, ...]
    quiet: timedelta
    every: timedelta


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for somebody. Another replica may have taken it by the time that this one comes.

    `company`: another replica lives, or died less than a minute ago. `turns`, `deliveries`: of the dead or the late. `fires_in`: until
    the next schedule is due. `states`: to be saved. `erasures`: to be gone on with.
    `identified`: visitors in hand who are somebody now. `ended`: tokens in hand that are no longer valid. `erased`: users without
    any token.
    """

    company: bool
    turns: bool
    deliveries: bool
    fires_in: timedelta | None
    states: bool
    erasures: bool
    identified: tuple[UserId, ...]
    ended: tuple[bytes, ...]
    erased: tuple[UserId, ...]


class Lookout(Protocol):
    """What stands in the database for anybody to do."""

    async def look(self, in_hand: InHand) -> Waiting:
        """One statement, which changes nothing. Raises `StoreUnavailable`."""
        ...
