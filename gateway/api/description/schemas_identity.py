"""What answers about links and visitors look like, for `/openapi.json`."""

from __future__ import annotations

from pydantic import Field

from gateway.api.description.schemas import Answer, Channel, Id, Instant


class LinkCode(Answer):
    """A one-time code that was just made, shown this once."""

    code: str
    url: str = Field(description="Opens the bot with the code.")
    expires_at: Instant


class Link(Answer):
    """An account of another network that is a user's own."""

    id: Id
    user_id: str
    channel: Channel
    external_id: str = Field(description="The network's own id of the person.")
    display_name: str | None
    created_at: Instant


class Links(Answer):
    """A user's links."""

    links: list[Link]


class Identified(Answer):
    """What became of a visitor."""

    sessions: int = Field(description="How many of the visitor's sessions are the caller's now.")
