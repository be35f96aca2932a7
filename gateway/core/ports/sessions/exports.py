"""What is stored about a user beside the transcripts, row by row, for an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.model import JsonObject, SessionId, UserId

SessionSection = Literal["hidden", "versions", "snapshots", "deliveries", "agent_data", "approvals"]
"""Of one session: messages that were deleted or hidden; earlier versions of messages; snapshots; chunks of sent replies; what agents
keep for their frameworks; questions of agents.
"""
UserSection = Literal["routes", "links", "identified_visitors", "usage"]

Place = tuple[int, int]
START: Place = (-1, -1)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row, and its place in its section."""

    place: Place
    row: JsonObject


@dataclass(frozen=True, slots=True)
class Kept:
    """The single values of a session: its state (None: never written) and the keys that clients know it by."""

    state: JsonObject | None
    external_keys: tuple[str, ...]


class ExportStore(Protocol):
    """Reads a user's rows, each page in a transaction of its own. Secrets and their digests are left out."""

    async def session_ids(self, user_id: UserId) -> Sequence[SessionId]:
        """All sessions of the user, the oldest first."""
        ...

    async def kept(self, session_id: SessionId, user_id: UserId) -> Kept: ...

    async def of_session(
        self, section: SessionSection, session_id: SessionId, user_id: UserId, after: Place
    ) -> Sequence[KeptRow]:
        """Returns the next rows after a place; none at the end."""
        ...

    async def of_user(self, section: UserSection, user_id: UserId) -> Sequence[JsonObject]: ...
