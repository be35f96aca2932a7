"""How many messages a user may send per minute, over all channels together. Each replica counts for itself."""

from __future__ import annotations

import time

from gateway.core.limits.rates import Rates
from gateway.core.limits.settings import Limits
from gateway.core.model import UserId
from gateway.core.user_ids import UserIds

LATE_S = 60.0
"""Seconds after which a message is late: a network kept it while the gateway was down, with all others of that time."""


class _Limit:
    """A limit per minute. Late messages have buckets of their own, filled by the time they were written."""

    def __init__(self, per_minute: int, setting: str) -> None:
        self._prompt = Rates(per_minute, setting=f"limits.{setting}")
        self._late = Rates(per_minute, setting=f"limits.{setting}")

    def check(self, key: str, written_at: float | None) -> None:
        if _is_late(written_at):
            self._late.check(key, written_at)
        else:
            self._prompt.check(key)

    def put_back(self, key: str, written_at: float | None) -> None:
        (self._late if _is_late(written_at) else self._prompt).put_back(key)


class MessageRates:
    """Counts by user: users without an account by default, others if a limit is set.

    `written_at`: Unix seconds, for messages that may have waited. Messages written at a permitted pace while the gateway was
    down are all accepted.
    """

    def __init__(self, limits: Limits, user_ids: UserIds) -> None:
        self._user_ids = user_ids
        self._strangers = _limit(limits.visitor_messages_per_minute, "visitor_messages_per_minute")
        self._others = _limit(limits.token_messages_per_minute, "token_messages_per_minute")

    def check(self, user_id: UserId, written_at: float | None = None) -> None:
        """Call before each message and anything that costs as much. Raises `TooManyRequests` without counting."""
        if (limit := self._of(user_id)) is not None:
            limit.check(user_id, written_at)

    def put_back(self, user_id: UserId, written_at: float | None = None) -> None:
        """Takes back the last count: its message was not accepted, or had been counted before."""
        if (limit := self._of(user_id)) is not None:
            limit.put_back(user_id, written_at)

    def _of(self, user_id: UserId) -> _Limit | None:
        return self._others if self._user_ids.has_account(user_id) else self._strangers


def _limit(per_minute: int | None, setting: str) -> _Limit | None:
    return None if per_minute is None else _Limit(per_minute, setting)


def _is_late(written_at: float | None) -> bool:
    return written_at is not None and time.time() - written_at > LATE_S
