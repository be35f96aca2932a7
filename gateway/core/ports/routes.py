"""What the gateway keeps about each route: its current session, the chosen agent, the last list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.core.model import AgentName, Route, Session, SessionId, UserId


class Routes(Protocol):
    """The session and agent that a user's route leads to, and the sessions last listed there.

    `account`: as in `InboundMessage`. Methods that change something raise `SenderChanged` if the account is no longer the user's.
    """

    async def point(self, user_id: UserId, route: Route, session_id: SessionId, account: str | None = None) -> Session:
        """Makes a session the route's current one, which counts as activity in it: the next message continues it.

        Raises `NotFound` if it is missing or someone else's.
        """
        ...

    async def choose(self, user_id: UserId, route: Route, agent: AgentName, account: str | None = None) -> None:
        """The next message on the route starts a new session with this agent, and so do later new sessions."""
        ...

    async def agent_at(self, user_id: UserId, route: Route) -> AgentName | None:
        """Returns who answers next there: the agent of the session that continues, otherwise the chosen one; None: no agent was chosen."""
        ...

    async def note_list(
        self, user_id: UserId, route: Route, sessions: Sequence[SessionId], account: str | None = None
    ) -> None:
        """Records the order in which sessions were listed there."""
        ...

    async def listed(self, user_id: UserId, route: Route) -> Sequence[SessionId]:
        """Returns the sessions as last listed there; none if they never were."""
        ...
