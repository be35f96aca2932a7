"""Titles that have to wait for their agent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.core.live.announcer import Announcer
from gateway.core.live.bus import LocalBus
from gateway.core.model import Message, Session, SessionId
from gateway.core.ports.sessions.changes import Titled
from gateway.core.ports.sessions.sessions import MessagePage
from gateway.core.titles.spare_capacity import SpareCapacity
from gateway.core.titles.titling import MOST_WAITING, Titler, TitlerParts
from tests.integration.sessions.title_agents import Slow
from tests.integration.sessions.titling import Named
from tests.unit.core.sessions import TITLED
from tests.world import PATIENCE_S

OF_THE_USER = Titled(TITLED, is_users=True, is_agents=False, opening="hello", words_changed_at=None)
OF_THE_TEXT = replace(OF_THE_USER, is_users=False)


@dataclass
class Looking:
    """A store that never answers; records who asked."""

    asked: list[str] = field(default_factory=list)

    async def titled(self, session_id: str, _user_id: str) -> None:
        """Never returns."""
        self.asked.append(session_id)
        await asyncio.Event().wait()


class NamedTalk(Named):
    """Needs no messages."""

    async def title(self, messages: Sequence[Message]) -> str:
        """Always returns the same title."""
        return "Talk"


@dataclass
class GivenBack:
    """The user's title is read, and given back before the answer has arrived."""

    titlers: list[Titler] = field(default_factory=list)
    answers: list[Titled] = field(default_factory=lambda: [OF_THE_USER, OF_THE_TEXT])
    kept: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def titled(self, _session_id: str, _user_id: str) -> Titled:
        answer = self.answers.pop(0)
        if answer.is_users:
            self.titlers[0].name(TITLED)
        return answer

    async def retitle(self, _titled: Titled, _user_id: str, title: str, *, by_agent: bool) -> Session:
        assert by_agent
        self.kept.set_result(title)
        return TITLED

    async def page(self, *_which: object) -> MessagePage:
        return MessagePage((), None)


async def test_a_title_given_back_during_a_read_is_created() -> None:
    """The read under way has seen the user's title; it is repeated, since giving the title back relies on that."""
    store: Any = GivenBack()
    agents: Any = {TITLED.agent_name: NamedTalk()}
    titler = Titler(TitlerParts(agents, {}, SpareCapacity({}), store, store, Announcer(LocalBus())))
    store.titlers.append(titler)
    titler.name(TITLED)
    async with asyncio.timeout(PATIENCE_S):
        assert await store.kept == "Talk"
    await titler.stop()


async def test_the_number_of_sessions_waiting_for_a_title_is_limited() -> None:
    """While an agent never has room for titles, memory stays bounded; a session that already waits is not counted again."""
    changes: Any = Looking()
    agents: Any = {TITLED.agent_name: Slow()}
    messages: Any = None
    titler = Titler(TitlerParts(agents, {}, SpareCapacity({}), changes, messages, Announcer(LocalBus())))
    for number in range(MOST_WAITING + 50):
        session = replace(TITLED, session_id=SessionId(str(number)))
        titler.name(session)
        titler.name(session)
    await asyncio.sleep(0)
    assert changes.asked == [str(number) for number in range(MOST_WAITING)]
    await titler.stop()
