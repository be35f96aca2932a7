"""Sessions that begin with what was said before them."""

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
class Seed:
    """A session to be made. `key`: the caller's own; a second seed of the user with the same key is the first again."""

    user_id: UserId
    channel: ChannelName
    agent: AgentName
    transcript: tuple[ImportedMessage, ...] = ()
    title: str | None = None
    key: str | None = None
    metadata: JsonObject = field(default_factory=dict)


class SeedStore(Protocol):
    """Makes sessions that are nobody's current one: they go on by their id only."""

    async def sow(self, seed: Seed) -> Session:
        """The session with its transcript, all of it or nothing; the one that is there already for a key used before."""
        ...

    async def sown(self, user_id: UserId, key: str) -> Session | None:
        """The user's session that was made with that key, while it is there."""
        ...
