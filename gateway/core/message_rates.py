"""How many messages a person may send a minute, over all channels together. Each replica counts for itself."""

from __future__ import annotations

from gateway.config import Limits
from gateway.core.links import has_account
from gateway.core.model import UserId
from gateway.core.rates import Rates


class MessageRates:
    """Counts by user: strangers, who have no account, by default; others when it is set."""

    def __init__(self, limits: Limits) -> None:
        self._strangers = _rates(limits.visitor_messages_per_minute, "visitor_messages_per_minute")
        self._others = _rates(limits.token_messages_per_minute, "token_messages_per_minute")

    def check(self, user_id: UserId) -> None:
        """Before each message, and whatever costs as much. Raises `TooManyRequests`; then nothing was counted."""
        if (rates := self._of(user_id)) is not None:
            rates.check(user_id)

    def put_back(self, user_id: UserId) -> None:
        """The message that was counted last came to nothing, or was counted before."""
        if (rates := self._of(user_id)) is not None:
            rates.put_back(user_id)

    def _of(self, user_id: UserId) -> Rates | None:
        return self._others if has_account(user_id) else self._strangers


def _rates(per_minute: int | None, setting: str) -> Rates | None:
    return None if per_minute is None else Rates(per_minute, setting=f"limits.{setting}")
