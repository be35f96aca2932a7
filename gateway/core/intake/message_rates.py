"""How many messages a person may send a minute, over all channels together. Each replica counts for itself."""

from __future__ import annotations

import time

from gateway.core.limits.rates import Rates
from gateway.core.limits.settings import Limits
from gateway.core.model import UserId
from gateway.core.unlinked_users import has_account

LATE_S = 60.0
"""Seconds after which a message is late: a network kept it while the gateway was away, with all others of that time."""


class _Limit:
    """One number a minute. Late messages have buckets of their own, which fill by the time when they were written."""

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
    """Counts by user: strangers, who have no account, by default; others when it is set.

    `written_at`: in Unix seconds, where a message may have waited. Whoever wrote at a permitted pace while the gateway was
    away is heard out.
    """

    def __init__(self, limits: Limits) -> None:
        self._strangers = _limit(limits.visitor_messages_per_minute, "visitor_messages_per_minute")
        self._others = _limit(limits.token_messages_per_minute, "token_messages_per_minute")

    def check(self, user_id: UserId, written_at: float | None = None) -> None:
        """Before each message, and whatever costs as much. Raises `TooManyRequests`; then nothing was counted."""
        if (limit := self._of(user_id)) is not None:
            limit.check(user_id, written_at)

    def put_back(self, user_id: UserId, written_at: float | None = None) -> None:
        """The message that was counted last came to nothing, or was counted before."""
        if (limit := self._of(user_id)) is not None:
            limit.put_back(user_id, written_at)

    def _of(self, user_id: UserId) -> _Limit | None:
        return self._others if has_account(user_id) else self._strangers


def _limit(per_minute: int | None, setting: str) -> _Limit | None:
    return None if per_minute is None else _Limit(per_minute, setting)


def _is_late(written_at: float | None) -> bool:
    return written_at is not None and time.time() - written_at > LATE_S
