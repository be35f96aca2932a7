"""Whether a sender is still the user they were taken for (`sender_of` in `migrations/0013_identity.sql`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.users.visitors import is_visitor
from gateway.errors import GatewayError, SenderChanged, Unauthenticated
from storage.queries import load_queries

if TYPE_CHECKING:
    from gateway.core.model import ChannelName, UserId
    from storage.connections import PooledConnection

SQL = load_queries("senders")


def may_change(user_id: UserId, account: str | None) -> bool:
    """Whether something else than their credential decides which user a sender is."""
    return account is not None or is_visitor(user_id)


def changed(account: str | None) -> GatewayError:
    """What is said to a sender who is not that user any more."""
    if account is None:
        return Unauthenticated("This visitor has signed in; the visitor's token is no longer valid.")
    return SenderChanged(
        "The sender is now another user: a link was just made or removed. Look up the user and try again."
    )


async def require_sender(
    connection: PooledConnection, user_id: UserId, channel: ChannelName | None = None, account: str | None = None
) -> None:
    """Before the connection's transaction ends, nobody ends the sender's link or identifies the visitor.

    Raises `SenderChanged` or `Unauthenticated` when that has happened already.
    """
    if may_change(user_id, account) and await connection.fetchval(SQL["hold"], user_id, channel, account) != user_id:
        raise changed(account)
