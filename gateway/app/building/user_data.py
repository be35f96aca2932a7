"""Exports and erases everything about a user, for a gateway and for commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.api.responses.documents import Documents
from gateway.app.building.stores import Stores
from gateway.core.model import SessionId, TurnId, UserId
from gateway.core.users.erasure import Erasure


def documents_of(stores: Stores) -> Documents:
    """Returns the writer of exports on these stores."""
    return Documents(
        sessions=stores.sessions,
        messages=stores.messages,
        turns=stores.turn_log,
        schedules=stores.schedules,
        tokens=stores.tokens,
        kept=stores.exports,
    )


def erasure_of(
    stores: Stores,
    cancel: Callable[[TurnId, UserId], Awaitable[object]] | None = None,
    remove: Callable[[SessionId, UserId], Awaitable[object]] | None = None,
) -> Erasure:
    """Returns erasure on these stores. `cancel`, `remove`: those of a running gateway; without them, acts on the database only."""
    return Erasure(
        store=stores.erasure,
        sessions=stores.sessions,
        cancel=cancel or stores.turns.request_cancel,
        remove=remove or stores.sessions.delete,
    )
