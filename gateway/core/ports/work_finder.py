"""One query for all work that may wait for a replica."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from gateway.core.lookback import FeedPosition
from gateway.core.model import TurnId, UserId


@dataclass(frozen=True, slots=True)
class KnownWork:
    """What a replica already works on, and whose connections it holds: the query skips what it already knows.

    `running`, `held`: its turns and its chunks. `tokens`: digests of the API tokens with an open socket; `visitors`: those with one.
    `quiet`, `every`: when states are snapshotted.
    """

    running: tuple[TurnId, ...]
    held: tuple[int, ...]
    tokens: tuple[bytes, ...]
    visitors: tuple[UserId, ...]
    quiet: timedelta
    every: timedelta


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that waits for any replica. Another one may have taken it by the time this replica gets to it.

    `company`: another replica is alive, or died less than a minute ago. `turns`, `deliveries`: of dead replicas, or overdue. `fires_in`:
    the time until the next schedule is due. `activity`: of sessions that may not be in their places in lists' indexes yet.
    `states`: due for a snapshot. `erasures`: to be continued.
    `identified`: visitors in hand who are identified by now. `ended`: tokens in hand that are no longer valid. `erased`: users without
    any token. `position`: of this query, for whoever reads the news next.
    """

    company: bool
    turns: bool
    deliveries: bool
    fires_in: timedelta | None
    activity: bool
    states: bool
    erasures: bool
    identified: tuple[UserId, ...]
    ended: tuple[bytes, ...]
    erased: tuple[UserId, ...]
    position: FeedPosition


class WorkFinder(Protocol):
    """Queries the database for work that any replica may do."""

    async def find(self, known_work: KnownWork) -> Waiting:
        """Runs one statement, which changes nothing. Raises `StoreUnavailable`."""
        ...
