"""Entering the words of messages into the index that search reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, Protocol
from uuid import UUID

IndexedSession = NewType("IndexedSession", UUID)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an indexer has come. None: no further than what was kept of the one before.

    `looked`: sessions without activity since then are indexed. `swept`: so are those up to here in the round through all sessions.
    """

    looked: datetime | None = None
    swept: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """What a look covers: activity up to that long before `Progress.looked`, and so many sessions of the round."""

    overlap: timedelta
    sweep: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found. `more`: there are more sessions than `sessions`. `first_round`: the first through all sessions goes on."""

    at: datetime
    sessions: Sequence[IndexedSession]
    more: bool
    swept: UUID | None
    first_round: bool


@dataclass(frozen=True, slots=True)
class Indexed:
    """`remaining`: sessions with messages left. `refused`: messages whose words the database does not take."""

    messages: int
    remaining: Sequence[IndexedSession]
    refused: Sequence[str]


class WordIndex(Protocol):
    """What an indexer works on. Two at the same time do no harm: each leaves alone what the other holds."""

    async def look(self, progress: Progress, reach: Reach) -> Look | None:
        """Sessions with messages to index, and keeps `progress`. None: another live replica indexes."""
        ...

    async def index(self, sessions: Sequence[IndexedSession], most: int) -> Indexed:
        """Indexes up to `most` messages of these sessions."""
        ...
