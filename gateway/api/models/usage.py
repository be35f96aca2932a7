"""Usage over many turns."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import Field

from gateway.api.models.common import Answer, Channel
from gateway.core.ports import usage as core


class Used(Answer):
    """What turns have used."""

    turns: int = Field(description="How many turns have reported usage; each counts with the last model that it names.")
    input_tokens: int
    output_tokens: int
    cost: float | None = Field(description="US dollars, for turns whose price is known; null if there are none.")


class UsageGroup(Used):
    """What one group has used. Of session, user, agent, channel, model and day, those that are not grouped by are null."""

    session: str | None = Field(description="The id of a session, which may have been deleted.")
    user: str | None
    agent: str | None
    channel: Channel | None
    model: str | None
    day: date | None = Field(description="In UTC; a turn counts on the day on which it ends.")


class UsageSummary(Answer):
    """Usage of a period, in groups: with days, the newest first, otherwise the highest cost first."""

    since: date = Field(description="The first day, in UTC.")
    until: date = Field(description="The last day, in UTC.")
    groups: tuple[UsageGroup, ...]
    more: bool = Field(description="Whether there are more groups than `limit`.")
    total: Used = Field(description="Of all groups, including those beyond `limit`.")

    @classmethod
    def from_core(cls, summary: core.UsageSummary) -> Self:
        """Converts the summary."""
        groups = tuple(_group(group) for group in summary.groups)
        total = Used.of(summary.total)
        return cls(since=summary.since, until=summary.until, groups=groups, more=summary.more, total=total)


def _group(group: core.UsageGroup) -> UsageGroup:
    return UsageGroup(
        session=group.session,
        user=group.user,
        agent=group.agent,
        channel=group.channel,
        model=group.model,
        day=group.day,
        **Used.of(group.used).model_dump(),
    )
