"""Turns and their usage."""

from __future__ import annotations

from typing import Self

from pydantic import Field, computed_field

from gateway.api.models.common import Answer, Channel, Id, Instant
from gateway.core.model import TurnStatus
from gateway.core.ports.turn_log import TurnPage, TurnRecord
from gateway.errors import ErrorClass


class Usage(Answer):
    """The usage of a turn."""

    input_tokens: int | None
    output_tokens: int | None
    model: str | None
    cost: float | None = Field(description="US dollars; null if the price is unknown.")


class UsageTotal(Answer):
    """The usage of all turns of a session."""

    input_tokens: int
    output_tokens: int
    turns: int = Field(description="How many turns have reported usage.")
    cost: float | None = Field(description="US dollars, for the turns whose price is known.")


class Turn(Answer):
    """One turn: who answered, how it went, and its usage."""

    id: Id
    session_id: str
    status: TurnStatus
    agent_name: str
    channel: Channel
    attempts: int
    usage: Usage | None
    error: str | None = Field(description="Detailed for operators; for others, the same as `error_class`.")
    error_class: ErrorClass | None = Field(description="Why the turn failed, as far as the user may know.")
    withdrawn: bool = Field(description="Withdrawn: its messages are hidden.")
    message_ids: tuple[str, ...]
    reply_id: str | None
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None

    @computed_field
    def duration_s(self) -> float | None:
        """Seconds from start to end."""
        if self.started_at is None or self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds(), 3)

    @classmethod
    def from_record(cls, turn: TurnRecord, *, show_error: bool) -> Self:
        """`show_error`: includes the error in detail, which may reveal what users should not know."""
        shown = cls.of(turn)
        return shown if show_error else shown.model_copy(update={"error": turn.error_class})


class Turns(Answer):
    """A page of a session's turns, newest first."""

    turns: tuple[Turn, ...]
    next_before: str | None = Field(description="Pass it as `before` for the next page; null on the last.")
    usage: UsageTotal | None = Field(description="For the whole session; null on pages fetched with `before`.")

    @classmethod
    def from_page(cls, page: TurnPage, *, show_error: bool) -> Self:
        """See `Turn.from_record`."""
        turns = tuple(Turn.from_record(turn, show_error=show_error) for turn in page.turns)
        usage = None if page.total is None else UsageTotal.of(page.total)
        return cls(turns=turns, next_before=page.next_before, usage=usage)


class TurnCancelled(Answer):
    """The turn that is to be cancelled."""

    turn_id: Id
