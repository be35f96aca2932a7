"""Searching titles and messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.core.model import MessageId, Role, Session
from gateway.core.ports.sessions.sessions import SessionFilter

Highlight = tuple[int, int]
"""First and past-the-last offset, in UTF-16 code units, as JavaScript counts them."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where a session fits. `message_id`, `seq` and `role` are None for its title. `text`: plain, an excerpt."""

    message_id: MessageId | None
    seq: int | None
    role: Role | None
    text: str
    highlights: tuple[Highlight, ...]


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session and up to three of its best matches, the best first."""

    session: Session
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Best first, the latest activity first among equals.

    `total` and `total_is_exact` are None on pages asked for by cursor. Of a word that is everywhere only the latest messages are
    found: then `total` counts those and is not exact.
    """

    sessions: tuple[FoundSession, ...]
    total: int | None
    total_is_exact: bool | None
    next_cursor: str | None


class SearchStore(Protocol):
    """Finds sessions by what was said in them, and by their titles."""

    async def search(self, text: str, wanted: SessionFilter) -> FoundPage:
        """Sessions that hold all words of `text` in one message or in the title, the last as the beginning of a word.

        Where no word fits, those with something like it, among the newest. `text`: 1–200 characters, whatever they are.
        Raises `InvalidInput` for a cursor that is not one of a search.
        """
        ...
