"""Tokens, links and visitors."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from gateway.api.models.common import Answer, Channel, Id, Instant
from gateway.core.model import UserRole
from gateway.core.ports.users import links


class Me(Answer):
    """The user and role of a token."""

    user_id: str
    role: UserRole
    expires_at: Instant | None


class SignedIn(Answer):
    """The token exchanged for a one-time code."""

    token: str
    user_id: str
    role: Literal["user", "operator"]
    expires_at: Instant


class Visitor(Answer):
    """An anonymous visitor's pass."""

    token: str
    user_id: str
    expires_at: Instant


class Token(Answer):
    """An API token as listed, without its secret."""

    id: Id
    user_id: str
    name: str | None
    role: Literal["user", "operator"]
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None


class NewToken(Token):
    """A new token. `token` is shown only once."""

    token: str


class Tokens(Answer):
    """A user's tokens."""

    tokens: tuple[Token, ...]


class LinkCode(Answer):
    """A new one-time code, shown only once."""

    code: str
    url: str = Field(description="Opens the bot and sends the code.")
    expires_at: Instant


class Link(Answer):
    """An account on a network that is linked to a user."""

    id: Id
    user_id: str
    channel: Channel
    external_id: str = Field(description="The person's id on that network.")
    display_name: str | None
    created_at: Instant

    @classmethod
    def shown(cls, link: links.Link) -> Self:
        """The link as listed."""
        return cls(
            id=link.id,
            user_id=link.user_id,
            channel=link.person.channel,
            external_id=link.person.external_id,
            display_name=link.person.display_name,
            created_at=link.created_at,
        )


class Links(Answer):
    """A user's links."""

    links: tuple[Link, ...]


class Identified(Answer):
    """The result of identifying a visitor."""

    sessions: int = Field(description="How many of the visitor's sessions now belong to the caller.")
