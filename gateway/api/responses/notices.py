"""Notices that refuse a message, as errors."""

from __future__ import annotations

from gateway.core.service import Notice
from gateway.errors import Conflict, TooManyRequests

FULL_RETRY_S = 5.0
"""About how long an answer takes that others wait for."""


def raise_refusal(notice: Notice) -> None:
    """Raises `Conflict` or `TooManyRequests` if the message was not accepted."""
    if notice.refused == "busy":
        raise Conflict(notice.text)
    if notice.refused == "full":
        raise TooManyRequests(f"{notice.text} (turns.max_waiting)", FULL_RETRY_S)
