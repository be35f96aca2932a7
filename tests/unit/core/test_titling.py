"""Titles that have to wait for their agent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.core.live.announcer import Announcer
from gateway.core.live.bus import LocalBus
from gateway.core.model import SessionId
from gateway.core.titles.lulls import Lulls
from gateway.core.titles.titling import MOST_WAITING, Titler, TitlerParts
from tests.integration.sessions.lull_agents import Slow
from tests.unit.core.test_announcer import TITLED


@dataclass
class Looking:
    """A store of which nobody gets an answer; knows who asked."""

    asked: list[str] = field(default_factory=list)

    async def titled(self, session_id: str, _user_id: str) -> None:
        """Never returns."""
        self.asked.append(session_id)
        await asyncio.Event().wait()


async def test_only_so_many_sessions_wait_for_a_title() -> None:
    """While an agent never has room for titles, memory stays bounded; one that waits already is not counted again."""
    changes: Any = Looking()
    agents: Any = {TITLED.agent_name: Slow()}
    messages: Any = None
    titler = Titler(TitlerParts(agents, {}, Lulls({}), changes, messages, Announcer(LocalBus())))
    for number in range(MOST_WAITING + 50):
        session = replace(TITLED, session_id=SessionId(str(number)))
        titler.name(session)
        titler.name(session)
    await asyncio.sleep(0)
    assert changes.asked == [str(number) for number in range(MOST_WAITING)]
    await titler.stop()
