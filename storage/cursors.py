"""Cursors into lists ordered by time, newest first; opaque to clients."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from gateway.errors import InvalidInput

WRONG = "{name} should be the value from an earlier page."


def to_cursor(at: datetime, key: UUID) -> str:
    """Returns the position after a row with that time and key."""
    return base64.urlsafe_b64encode(f"{at.isoformat()} {key}".encode()).decode()


def from_cursor(cursor: str | None, name: str = "cursor") -> tuple[datetime | None, UUID | None]:
    """Returns time and key; None for the first page. `name`: of the parameter. Raises `InvalidInput`."""
    if cursor is None:
        return None, None
    try:
        at, _, key = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").partition(" ")
        return datetime.fromisoformat(at).astimezone(UTC), UUID(key)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise InvalidInput(WRONG.format(name=name)) from error
