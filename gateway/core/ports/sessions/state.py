"""The state of a session, and the snapshots of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NewType, Protocol

from gateway.core.model import ChatId, JsonNotes, JsonObject, Message, MessageId, Session, SessionId, State, UserId

SnapshotNumber = NewType("SnapshotNumber", int)
"""Counts from 1 in its session; never used again."""
SnapshotReason = Literal["auto", "manual", "before_restore", "page_close"]
AskedReason = Literal["manual", "page_close"]


@dataclass(frozen=True, slots=True)
class StateWrite:
    """New values for a state; None leaves one as it is."""

    blackboard: JsonObject | None = None
    scratchpad: JsonNotes | None = None
    attributes: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One of a session's snapshots, as listed.

    `size_bytes`: of its state as JSON. `message_seq`: the last message that could be seen then. `rewound`: made by a
    restore that took the transcript back; restoring it brings that back.
    """

    session_id: SessionId
    number: SnapshotNumber
    reason: SnapshotReason
    size_bytes: int
    message_id: MessageId | None
    message_seq: int | None
    rewound: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    """Newest first. `next_before_number` is None on the oldest page."""

    snapshots: tuple[Snapshot, ...]
    next_before_number: SnapshotNumber | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore came to. `undo`: the snapshot to restore if it was not meant.

    `session` and `changed`: what to tell followers when it took the transcript back or brought it back; of very many
    rows only the newest.
    """

    number: SnapshotNumber
    undo: SnapshotNumber
    state: State
    session: Session | None = None
    changed: tuple[Message, ...] = field(default=())


class StateStore(Protocol):
    """`user_id` None acts for an operator; someone else's session raises `NotFound`."""

    async def get(self, session_id: SessionId, user_id: UserId | None) -> State:
        """Empty, with version 0, when never written."""
        ...

    async def of_turn(self, chat_id: ChatId, user_id: UserId) -> State:
        """The same for an agent; a session that is gone has an empty one."""
        ...

    async def put(
        self, session_id: SessionId, user_id: UserId | None, write: StateWrite, versions: frozenset[int] | None
    ) -> State:
        """Writes if the version is among `versions` (None: whichever). A write that changes nothing keeps the version.

        Raises `Stale` with the version there is, `TooLarge`.
        """
        ...


class SnapshotStore(Protocol):
    """`user_id` None acts for an operator; someone else's session raises `NotFound`, as does an unknown number."""

    async def list(
        self, session_id: SessionId, user_id: UserId | None, limit: int, before: SnapshotNumber | None
    ) -> SnapshotPage: ...

    async def get(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None
    ) -> tuple[Snapshot, State]:
        """With the state it holds; None: the latest."""
        ...

    async def take(self, session_id: SessionId, user_id: UserId | None, reason: AskedReason) -> tuple[Snapshot, bool]:
        """`manual` always makes one; `page_close` only when something changed, else it answers the latest and False."""
        ...

    async def restore(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None, by: UserId, *, rewind: bool
    ) -> Restored:
        """Restores the state, having made a snapshot of what was there; `rewind`: the transcript too, in the name of `by`.

        Raises `Conflict` when a turn runs whose session would be rewound.
        """
        ...

    async def save_changed(self, quiet: timedelta, every: timedelta) -> int:
        """Automatic snapshots of all users' states that are due; how many were made.

        Raises `StoreUnavailable` when some could not be; the others were.
        """
        ...

    async def clean_up(self, keep: int, days: int) -> int:
        """Removes all users' snapshots but each session's newest `keep` and each UTC day's newest of `days` days; how many."""
        ...
