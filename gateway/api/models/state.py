"""The state of a session, and its snapshots."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.api.models.common import Answer, Instant


class State(Answer):
    """Three JSON values under one version, which is in `ETag`."""

    blackboard: dict[str, object] = Field(description="Shared knowledge.")
    scratchpad: dict[str, object] | list[object] = Field(description="Working notes.")
    attributes: dict[str, object] = Field(description="Anything else that describes the session.")


class Snapshot(Answer):
    """A saved state. `message_id`: the last message at that time."""

    number: int
    session_id: str
    reason: Literal["auto", "manual", "before_restore", "page_close"]
    size_bytes: int
    message_id: str | None
    message_seq: int | None
    rewound: bool = Field(description="Taken before a rewind: restoring it brings the later messages back.")
    created_at: Instant


class Snapshots(Answer):
    """A page of a session's snapshots, newest first."""

    snapshots: tuple[Snapshot, ...]
    next_before_number: int | None = Field(
        description="Pass it as `before_number` for the next page; null on the last."
    )


class SnapshotWithState(Snapshot, State):
    """A snapshot and its state."""


class Restored(State):
    """The current state after a restore."""

    snapshot: int = Field(description="The snapshot that was restored.")
    undo: int = Field(description="The snapshot of the state before; restoring it undoes this.")
