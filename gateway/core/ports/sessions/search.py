"""Search in titles and messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.core.model import MessageId, Role, Session
from gateway.core.ports.sessions.sessions import SessionFilter

Highlight = tuple[int, int]
"""First offset and the offset after the last, in UTF-16 code units, as JavaScript counts them."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where a session matches. `message_id`, `seq` and `role` are None for its title. `text`: an excerpt as plain text."""

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
    """Best first; among equals, the latest activity first.

    `total` and `total_is_exact` are None on pages requested by cursor. For a very frequent word only the latest messages are
    found: `total` then counts those and is not exact.
    """

    sessions: tuple[FoundSession, ...]
    total: int | None
    total_is_exact: bool | None
    next_cursor: str | None


class SearchStore(Protocol):
    """Finds sessions by their messages and titles."""

    async def search(self, text: str, wanted: SessionFilter) -> FoundPage:
        """Finds sessions with all words of `text` in one message or in the title; the last word is a prefix.

        If no word matches, finds similar words in the newest sessions. `text`: 1–200 arbitrary characters.
        Raises `InvalidInput` for a cursor that is not from a search.
        """
        ...
