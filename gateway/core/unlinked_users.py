"""How users are called who have no account of their own."""

from __future__ import annotations

from gateway.core.model import ChannelName, UserId

VISITOR = "visitor:"
RESERVED = ("telegram:", VISITOR)
"""What their names begin with; no login may speak for them. Telegram's people had names before others could bring a network."""


def unlinked_user(channel: ChannelName, external_id: str) -> UserId:
    """A network's person, as long as nothing says which user they are: `telegram:<id>`, or `visitor:<channel>:<id>`."""
    own = f"{channel}:{external_id}"
    return UserId(own if own.startswith(RESERVED) else VISITOR + own)


def has_account(user_id: str) -> bool:
    """Whether the user can have accounts of other networks linked to it."""
    return not user_id.lower().startswith(RESERVED)
