"""What the gateway keeps about each route: its current session, the chosen agent, the last list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.core.model import AgentName, Route, Session, SessionId, UserId


class Routes(Protocol):
    """Which session and which agent a route of a user leads to, and what was listed there.

    `account`: as in `InboundMessage`. What changes something raises `SenderChanged` when it is no longer the user's.
    """

    async def point(self, user_id: UserId, route: Route, session_id: SessionId, account: str | None = None) -> Session:
        """Makes a session the route's current one, and counts as activity in it: the next message goes on there.

        Raises `NotFound` when it is missing or someone else's.
        """
        ...

    async def choose(self, user_id: UserId, route: Route, agent: AgentName, account: str | None = None) -> None:
        """The next message on the route begins a new session, with this agent, and so do later ones."""
        ...

    async def agent_at(self, user_id: UserId, route: Route) -> AgentName | None:
        """Who answers there next: the agent of the session that goes on, or else the chosen one; None: nobody was chosen."""
        ...

    async def note_list(
        self, user_id: UserId, route: Route, sessions: Sequence[SessionId], account: str | None = None
    ) -> None:
        """Remembers the order in which sessions were listed there."""
        ...

    async def listed(self, user_id: UserId, route: Route) -> Sequence[SessionId]:
        """The sessions as they were last listed there; none when they never were."""
        ...
