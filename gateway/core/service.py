"""The core's interfaces for the edges; implemented in `gateway.core.intake.dispatcher` and `gateway.core.turns.runner`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.inbound import InboundMessage
from gateway.core.model import AgentName, Session, SessionId, TurnId, UserId
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.ports.turns import Acceptance


@dataclass(frozen=True, slots=True)
class Notice:
    """The answer to a chat command, or to a message that the agent's strategy refuses. Not part of the transcript.

    `session_ended`: the channel should forget its session; the next message starts a new one, with `agent` if
    another was chosen. `moved_to`: the channel continues in that session. `refused`: why a message was not accepted: its
    session is `busy` with another message, or `full` of waiting ones.
    """

    text: str
    session_ended: bool = False
    agent: AgentName | None = None
    moved_to: Session | None = None
    refused: Literal["busy", "full"] | None = None


Acknowledge = Callable[[Acceptance], None]
"""Called after the message is durable and before any other event of its turn; must not block."""


class Intake(Protocol):
    """The only way in."""

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        """Accepts a message or a chat command.

        Returns once the message is durable; cancelling the caller does not stop it. Raises `InvalidInput` for a text
        or key that breaks a rule, `NotFound` for a named session or agent that is missing or someone else's,
        `StoreUnavailable` if nothing was stored.
        """
        ...

    def adopt(self, accepted: Acceptance) -> None:
        """Announces and runs a turn that a store accepted in a transaction of its own (a schedule's fire)."""
        ...

    async def cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        """Cancels an open turn wherever it runs; a turn that has ended stays as it is. Raises `NotFound`."""
        ...

    async def wait(
        self, turn_id: TurnId, session_id: SessionId, user_id: UserId | None, timeout: float
    ) -> TurnOutcome | None:
        """Returns how a turn ended; None if it has not ended after `timeout` seconds. Raises `NotFound` if it no longer exists."""
        ...
