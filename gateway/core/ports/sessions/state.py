"""The state of a session, and its snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NewType, Protocol

from gateway.core.model import ChatId, JsonNotes, JsonObject, Message, MessageId, Session, SessionId, State, UserId

SnapshotNumber = NewType("SnapshotNumber", int)
"""Counts from 1 in its session; never reused."""
SnapshotReason = Literal["auto", "manual", "before_restore", "page_close"]
AskedReason = Literal["manual", "page_close"]


@dataclass(frozen=True, slots=True)
class StateWrite:
    """New values for a state; None keeps a value as it is."""

    blackboard: JsonObject | None = None
    scratchpad: JsonNotes | None = None
    attributes: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One of a session's snapshots, as listed.

    `size_bytes`: of its state as JSON. `message_seq`: the last visible message then. `rewound`: taken by a
    restore that rewound the transcript; restoring it undoes that.
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
    """The result of a restore. `undo`: the snapshot that undoes it.

    `session` and `changed`: what to announce to followers if the transcript was rewound or brought back; of very many
    rows only the newest.
    """

    number: SnapshotNumber
    undo: SnapshotNumber
    state: State
    session: Session | None = None
    changed: tuple[Message, ...] = field(default=())


class StateStore(Protocol):
    """With `user_id` None, acts for an operator; someone else's session raises `NotFound`."""

    async def get(self, session_id: SessionId, user_id: UserId | None) -> State:
        """An empty state with version 0 if never written."""
        ...

    async def of_turn(self, chat_id: ChatId, user_id: UserId) -> State:
        """Returns the state for an agent; an empty one if the session no longer exists."""
        ...

    async def put(
        self, session_id: SessionId, user_id: UserId | None, write: StateWrite, versions: frozenset[int] | None
    ) -> State:
        """Writes if the current version is among `versions` (None: any). A write that changes nothing keeps the version.

        Raises `Stale` with the current version, `TooLarge`.
        """
        ...


class SnapshotStore(Protocol):
    """With `user_id` None, acts for an operator; someone else's session raises `NotFound`, as does an unknown number."""

    async def list(
        self, session_id: SessionId, user_id: UserId | None, limit: int, before: SnapshotNumber | None
    ) -> SnapshotPage: ...

    async def get(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None
    ) -> tuple[Snapshot, State]:
        """Returns a snapshot with its state; None: the latest."""
        ...

    async def take(self, session_id: SessionId, user_id: UserId | None, reason: AskedReason) -> tuple[Snapshot, bool]:
        """`manual` always takes one; `page_close` only if something changed, otherwise returns the latest and False."""
        ...

    async def restore(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None, by: UserId, *, rewind: bool
    ) -> Restored:
        """Restores the state after taking a snapshot of the current one; `rewind`: the transcript too, on behalf of `by`.

        Raises `Conflict` while a turn runs in a session to be rewound.
        """
        ...

    async def save_changed(self, quiet: timedelta, every: timedelta) -> int:
        """Takes the automatic snapshots of all users' states that are due; returns how many.

        Raises `StoreUnavailable` if some failed; the others were taken.
        """
        ...

    async def clean_up(self, keep: int, days: int) -> int:
        """Removes all users' snapshots except each session's newest `keep` and the newest per UTC day of `days` days; returns how many."""
        ...
