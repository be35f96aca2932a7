"""User ids of people who have no account of their own."""

from __future__ import annotations

from gateway.core.model import ChannelName, UserId

VISITOR = "visitor:"
RESERVED = ("telegram:", VISITOR)
"""Reserved prefixes of user ids; no login may use them. Telegram had its prefix before packages could bring networks."""


def unlinked_user(channel: ChannelName, external_id: str) -> UserId:
    """Returns the user id of a person on a network until a link says who they are: `telegram:<id>`, or `visitor:<channel>:<id>`."""
    own = f"{channel}:{external_id}"
    return UserId(own if own.startswith(RESERVED) else VISITOR + own)


def has_account(user_id: str) -> bool:
    """Whether accounts on networks can be linked to the user."""
    return not user_id.lower().startswith(RESERVED)
