"""Usage added up over turns: for reports, and for budgets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from gateway.core.model import AgentName, ChannelName, SessionId, UserId

Dimension = Literal["session", "user", "agent", "channel", "model", "day"]


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """`user_id` None: everyone's usage. `since`, `until`: the first and the last day, in UTC; a turn counts on the day it ends."""

    group_by: tuple[Dimension, ...]
    user_id: UserId | None
    since: date | None = None
    until: date | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True)
class Used:
    """`turns`: those that reported usage. `cost`: US dollars, for turns whose price is known; None if there are none."""

    turns: int
    input_tokens: int
    output_tokens: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """What one group has used; dimensions that are not grouped by are None."""

    used: Used
    session: SessionId | None = None
    user: UserId | None = None
    agent: AgentName | None = None
    channel: ChannelName | None = None
    model: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """Days newest first, otherwise the highest cost first. `more`: there are more groups; `total` includes them."""

    since: date
    until: date
    groups: tuple[UsageGroup, ...]
    total: Used
    more: bool


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens of both directions, and US dollars as far as known."""

    tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What has been used today, in UTC, by turns that have ended on any replica."""

    user: Amount
    agent: Amount
    all: Amount


class UsageStore(Protocol):
    """Reads usage, and adds it up."""

    async def summary(self, query: UsageQuery) -> UsageSummary: ...

    async def spent_today(self, user_id: UserId, agent: AgentName) -> Spent: ...

    async def add_up(self, limit: int) -> int:
        """Adds up to `limit` entries of the log to the sums; returns how many it did. Another caller at the same time does none."""
        ...

    async def forget_budgets(self) -> None:
        """Removes sums that no budget needs any more."""
        ...
