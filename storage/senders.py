"""Whether the sender of a network's message or command is still the user they were taken for (`sender_of` in `migrations/0013_identity.sql`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import SenderChanged
from storage.queries import load_queries

if TYPE_CHECKING:
    from gateway.core.model import ChannelName, UserId
    from storage.connections import PooledConnection

SQL = load_queries("senders")
SOMEBODY_ELSE = (
    "The sender is another user by now: a link has just been made or ended. Look up who it is, and try again."
)


async def require_sender(
    connection: PooledConnection, user_id: UserId, channel: ChannelName, account: str | None
) -> None:
    """Nobody ends the sender's link before the connection's transaction ends. Raises `SenderChanged` when it has ended already."""
    if account is not None and await connection.fetchval(SQL["hold"], user_id, channel, account) is None:
        raise SenderChanged(SOMEBODY_ELSE)
