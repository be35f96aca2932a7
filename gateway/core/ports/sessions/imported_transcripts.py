"""Sessions that start with messages from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.model import AgentName, ChannelName, JsonObject, Role, Session, UserId


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """A message of an imported transcript. `parts` None: one text part, the content."""

    role: Role
    content: str
    parts: tuple[JsonObject, ...] | None = None


@dataclass(frozen=True, slots=True)
class ImportedTranscript:
    """A session to create. `key`: the caller's own; importing the same key again for a user returns the first session."""

    user_id: UserId
    channel: ChannelName
    agent: AgentName
    messages: tuple[ImportedMessage, ...] = ()
    title: str | None = None
    key: str | None = None
    metadata: JsonObject = field(default_factory=dict)


class ImportedTranscripts(Protocol):
    """Creates sessions that are not current on any route: only their id continues them."""

    async def create(self, transcript: ImportedTranscript) -> Session:
        """Returns the session with its whole transcript, or the one that an earlier import with the same key created."""
        ...

    async def find(self, user_id: UserId, key: str) -> Session | None:
        """Returns the user's session created with that key, if it still exists."""
        ...
