"""Checks that a sender is still the user they were taken for (`sender_of` in `migrations/0013_identity.sql`)."""

from __future__ import annotations

from gateway.core.model import ChannelName, UserId
from gateway.core.user_ids import is_visitor
from gateway.errors import GatewayError, SenderChanged, Unauthenticated
from storage.connections import PooledConnection
from storage.queries import load_queries

SQL = load_queries("senders")


def may_change(user_id: UserId, account: str | None) -> bool:
    """Whether anything but their credential decides which user a sender is."""
    return account is not None or is_visitor(user_id)


def changed(account: str | None) -> GatewayError:
    """The error for a sender who is no longer that user."""
    if account is None:
        return Unauthenticated("This visitor has signed in; the visitor's token is no longer valid.")
    return SenderChanged(
        "The sender is now another user: a link was just made or removed. Look up the user and try again."
    )


async def require_sender(
    connection: PooledConnection, user_id: UserId, channel: ChannelName | None = None, account: str | None = None
) -> None:
    """Until the connection's transaction ends, nobody can end the sender's link or identify the visitor.

    Raises `SenderChanged` or `Unauthenticated` if that has already happened.
    """
    if may_change(user_id, account) and await connection.fetchval(SQL["hold"], user_id, channel, account) != user_id:
        raise changed(account)
