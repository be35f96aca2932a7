"""Has agents name conversations beside their turns: a title never delays a reply, and never replaces the user's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.core.history import history
from gateway.core.live.announcer import Announcer
from gateway.core.model import SCHEDULED, AgentName, Session, SessionId, Turn, UserId
from gateway.core.ports.agents import Agent, Titling
from gateway.core.ports.sessions.changes import SessionChanges, Titled
from gateway.core.ports.sessions.sessions import MessageStore
from gateway.core.ports.turns import Finished
from gateway.core.tasks.background import Background
from gateway.core.tasks.retries import retry_until_answered
from gateway.core.tasks.waiting import happens
from gateway.core.titles.spare_capacity import SpareCapacity
from gateway.core.titles.titles import title_from, title_said
from gateway.errors import Conflict, GatewayError

log = structlog.get_logger(__name__)

TITLE_S = 20.0
"""Seconds an agent has for a title."""
ON_REQUEST_S = 25.0
"""Seconds that a request for a title waits for the agent."""
AT_ONCE = 16
"""Titles requested from agents at the same time, by the gateway and on request."""
MOST_WAITING = 1_000
"""Sessions that wait for an agent to name them; beyond that, a session keeps the title from its text."""
FIRST_SEQ = 8
"""A turn after this `seq` never counts as the first one, whatever became of earlier turns."""
CONVERSATION = 30
"""Messages that a title is based on: the newest."""
ATTEMPTS = 2
"""For a title on request, when the messages change in the meantime."""
LOOK_S = 1.0
LONGEST_LOOK_S = 60.0
"""Seconds between checks whether an answer in progress is complete."""


@dataclass(frozen=True, slots=True)
class TitlerParts:
    """What titling needs. `namers`: which agent names the conversations of another."""

    agents: Mapping[AgentName, Agent]
    namers: Mapping[AgentName, AgentName]
    spare_capacity: SpareCapacity
    changes: SessionChanges
    messages: MessageStore
    announcer: Announcer


class Titler:
    """Names sessions after their first exchange, and renames them on request."""

    def __init__(self, parts: TitlerParts) -> None:
        self._parts = parts
        self._work = Background()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._looks: dict[SessionId, asyncio.Event] = {}

    def after(self, turn: Turn, finished: Finished) -> None:
        """After a turn: the first turn with an answer has the agent title its session, a little later.

        So does a turn in a session that lost its title with its earlier messages.
        """
        session = finished.session
        is_first = finished.status == "completed" and turn.seq <= FIRST_SEQ
        if session.channel == SCHEDULED:
            return  # a run has its schedule's name
        # A fork has its parent's title.
        if session.title is None or (is_first and session.parent_session_id is None):
            self.renew(session)

    def renew(self, session: Session) -> None:
        """Gives the session a title a little later: from the text if it has none, and then by the agent."""
        if session.title is None:
            self._work.start(self._patiently(session), f"title of {session.session_id}")
        else:
            self.name(session)

    def name(self, session: Session) -> None:
        """Has the agent name the session a little later, if it can, has not done so, and the user has not either."""
        if not isinstance(self._namer(session), Titling):
            return
        if (look := self._looks.get(session.session_id)) is not None:
            look.set()
            return
        if len(self._looks) >= MOST_WAITING:
            log.info("title_skipped", session=session.session_id, waiting=MOST_WAITING)
            return
        look = self._looks[session.session_id] = asyncio.Event()
        self._work.start(self._name(session, look), f"title of {session.session_id}")

    async def again(self, session: Session) -> None:
        """The messages have changed: a title based on them, which is removed by now, is recreated from the text and then by the agent."""
        if session.title is not None:
            return
        with _failures_told(session):
            await self._anew(session)

    async def rename(self, session_id: SessionId, user_id: UserId | None) -> Session:
        """Creates a new title: by the agent, or from the first message. Keeps the user's own, and the agent's if the agent fails.

        Raises `NotFound`, and `Conflict` while there is nothing to base a title on.
        """
        for _ in range(ATTEMPTS):
            titled = await self._parts.changes.titled(session_id, user_id)
            if titled.is_users:
                return titled.session
            if titled.opening is None:
                raise Conflict("There is nothing to make a title from yet. Write a message first.")
            said = await _in_time(self._said(titled.session))
            if said is None and titled.is_agents:
                break
            kept = await self._keep(titled, said or title_from(titled.opening), by_agent=said is not None)
            if kept is not None:
                return kept
        # The user may have set a title first.
        return (await self._parts.changes.titled(session_id, user_id)).session

    async def stop(self) -> None:
        """Stops naming sessions; titles made from the text stay."""
        await self._work.stop()

    async def _patiently(self, session: Session) -> None:
        """The same when nobody waits for it: waits while the database is unavailable."""
        with _failures_told(session):
            await retry_until_answered(partial(self._anew, session))

    async def _anew(self, session: Session) -> None:
        titled = await self._parts.changes.titled(session.session_id, session.user_id)
        # A later change creates a title of its own.
        if await self._keep(titled, title_from(titled.opening or ""), by_agent=False):
            self.name(session)

    async def _name(self, session: Session, look: asyncio.Event) -> None:
        try:
            await self._named(session, look)
        except Exception as error:  # noqa: BLE001 - a failed title is worth one line in the log
            log.warning("title_failed", session=session.session_id, reason=f"{type(error).__name__}: {error}")
        finally:
            del self._looks[session.session_id]

    async def _named(self, session: Session, look: asyncio.Event) -> None:
        """Asks until a title fits the conversation. `look`: something has changed since the last question."""
        changes, pause = self._parts.changes, LOOK_S
        while True:
            look.clear()
            titled = await retry_until_answered(partial(changes.titled, session.session_id, session.user_id))
            if titled.is_users or titled.is_agents or titled.opening is None:
                is_settled = True
            elif titled.session.running:
                # A title from half a conversation would be a poor one.
                pause = await _passed(look, pause)
                continue
            else:
                said = await self._said(titled.session)
                kept = (
                    None
                    if said is None
                    else await retry_until_answered(partial(self._keep, titled, said, by_agent=True))
                )
                is_settled = said is None or kept is not None
            # A change since the question relies on this check.
            if is_settled and not look.is_set():
                return

    async def _said(self, session: Session) -> str | None:
        """Returns the agent's title; None if it has none or fails."""
        agent = self._namer(session)
        if not isinstance(agent, Titling):
            return None
        return await self._parts.spare_capacity.use(self._namers_name(session), partial(self._asked, agent, session))

    def _namer(self, session: Session) -> object:
        return self._parts.agents.get(self._namers_name(session))

    def _namers_name(self, session: Session) -> AgentName:
        return self._parts.namers.get(session.agent_name, session.agent_name)

    async def _asked(self, agent: Titling, session: Session) -> str | None:
        newest = partial(self._parts.messages.page, session.session_id, session.user_id, CONVERSATION, None)
        page = await retry_until_answered(newest)
        said = [message for message in history(page.messages) if message.content and not message.deleted]
        try:
            async with self._places, asyncio.timeout(TITLE_S):
                answer = await agent.title(said)
        except Exception as error:  # noqa: BLE001 - whatever an agent raises, the text provides a title, too
            log.warning("title_failed", session=session.session_id, reason=f"{type(error).__name__}: {error}")
            return None
        return None if answer is None else title_said(answer)

    async def _keep(self, titled: Titled, title: str | None, *, by_agent: bool) -> Session | None:
        if title is None:
            return None
        kept = await self._parts.changes.retitle(titled, titled.session.user_id, title, by_agent=by_agent)
        if kept is not None:
            self._parts.announcer.session(kept)
        return kept


@contextmanager
def _failures_told(session: Session) -> Iterator[None]:
    try:
        yield
    except GatewayError as error:
        log.warning("title_failed", session=session.session_id, reason=f"{type(error).__name__}: {error}")


async def _passed(look: asyncio.Event, seconds: float) -> float:
    """Waits for the event at most that many seconds; returns the wait for the next time."""
    return LOOK_S if await happens(look, seconds) else min(2 * seconds, LONGEST_LOOK_S)


async def _in_time(said: Awaitable[str | None]) -> str | None:
    try:
        async with asyncio.timeout(ON_REQUEST_S):
            return await said
    except TimeoutError:
        return None
