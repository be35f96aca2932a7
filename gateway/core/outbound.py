"""What goes out: the reply of a turn, and the chunks in which it is sent to networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.core.model import Address, JsonNotes, JsonObject, MessageKind, StateSection, Usage
from gateway.core.values import value
from gateway.errors import ErrorClass


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a reply as a channel sends it. `markup`: formatting in the channel's own notation, opaque to the core."""

    text: str
    markup: str = ""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A chunk to be delivered. Items of one address are sent one at a time, in order of `item_id`."""

    item_id: int
    address: Address
    chunk: Chunk
    attempts: int = 0


@value
class Reply:
    """The result of a turn. `status`: completed, failed (then `content` is the apology) or cancelled.

    `error` is for operators, `error_class` for the user.
    """

    status: Literal["completed", "failed", "cancelled"]
    content: str
    parts: tuple[JsonObject, ...]
    usage: Usage | None = None
    error: str | None = None
    title: str | None = None
    chunks: tuple[tuple[Address, Chunk], ...] = field(default=())
    state_changes: tuple[tuple[StateSection, JsonNotes], ...] = ()
    """Keys to set in the session's state, each section once; None removes a key. A list replaces the section."""
    agent_session: str | None = None
    kind: MessageKind = "message"
    error_class: ErrorClass | None = None
