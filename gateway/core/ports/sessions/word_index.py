"""Adds the words of messages to the search index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, Protocol
from uuid import UUID

IndexedSession = NewType("IndexedSession", UUID)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an indexer has come. None: as far as the previous indexer recorded.

    `looked`: sessions without activity since then are indexed. `swept`: so are those up to here in the pass over all sessions.
    """

    looked: datetime | None = None
    swept: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """What a check covers: activity up to that long before `Progress.looked`, and a number of sessions of the pass over all."""

    overlap: timedelta
    sweep: int


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a check. `more`: there are more sessions than `sessions`. `first_round`: the first pass over all sessions continues."""

    at: datetime
    sessions: Sequence[IndexedSession]
    more: bool
    swept: UUID | None
    first_round: bool


@dataclass(frozen=True, slots=True)
class Indexed:
    """`remaining`: sessions with messages left. `refused`: messages whose words the database rejects."""

    messages: int
    remaining: Sequence[IndexedSession]
    refused: Sequence[str]


class WordIndex(Protocol):
    """What an indexer works on. Two at the same time do no harm: each skips what the other has locked."""

    async def look(self, progress: Progress, reach: Reach) -> Look | None:
        """Finds sessions with messages to index, and records `progress`. None: another live replica indexes."""
        ...

    async def index(self, sessions: Sequence[IndexedSession], most: int) -> Indexed:
        """Indexes up to `most` messages of these sessions."""
        ...
