"""Answers to agents' questions, from buttons and the API. A text that names a choice is accepted as a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never
from uuid import uuid4

from gateway.core.content.storable import require_storable
from gateway.core.live.announcer import Announcer
from gateway.core.model import ApprovalId, ChannelName, UserId
from gateway.core.ports.approvals import Answered, Approval, ApprovalStore, GivenAnswer
from gateway.core.tasks.retries import retry_for_caller
from gateway.errors import Conflict, Forbidden, InvalidInput, TooLarge

LONGEST_TEXT = 4_000
CLOSED = "This question was withdrawn: its turn was cancelled."
ONLY_OPERATORS = "Only an operator may answer this question."


class AlreadyAnswered(Conflict):
    """An earlier answer counts; the text says which."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """`resume`: continues turns that nobody owns; must not block."""

    store: ApprovalStore
    announcer: Announcer
    resume: Callable[[], None]

    async def open(self, user_id: UserId | None, limit: int) -> Sequence[Approval]:
        """The open questions of a user's sessions, the oldest first; None: of everybody's, for operators."""
        return await self.store.open(user_id, limit)

    async def answer(
        self,
        approval_id: ApprovalId,
        choice: str,
        text: str | None,
        by: UserId,
        channel: ChannelName,
        *,
        is_operator: bool = False,
    ) -> Approval:
        """Records the answer; the turn continues.

        Raises `AlreadyAnswered`, `Conflict` if the question was withdrawn, `Forbidden`, `InvalidInput` for a choice that it does not
        have, and `NotFound`, also for someone else's question.
        """
        _check(choice, text)
        given = GivenAnswer(approval_id, choice, text or None, by, is_operator, channel, uuid4())
        answered = await retry_for_caller(partial(self.store.answer, given))
        if answered.question is not None:
            self.announcer.changed(answered.question)
        if answered.status in {"answered", "taken"}:
            self.resume()
        return _approval(answered)


def _check(choice: str, text: str | None) -> None:
    require_storable(choice, "choice")
    if text is not None:
        require_storable(text, "text")
        if len(text) > LONGEST_TEXT:
            raise TooLarge(f"text has {len(text)} characters; the limit is {LONGEST_TEXT}.")


def _approval(answered: Answered) -> Approval:
    approval = answered.approval
    match answered.status:
        case "answered":
            return approval
        case "taken":
            raise AlreadyAnswered(f"This was already answered: {approval.answer}.")
        case "closed":
            raise Conflict(CLOSED)
        case "forbidden":
            raise Forbidden(ONLY_OPERATORS)
        case "unknown":
            raise InvalidInput(f"choice should be one of: {', '.join(approval.choices)}.")
        case _:
            assert_never(answered.status)
