"""Titles wait for spare capacity: they delay no turn, and summarize whole conversations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.agents.python.settings import PythonAgentSettings
from gateway.core.model import AgentName, MessageId, SessionId, UserId
from gateway.core.ports.sessions.sessions import MessagePage
from gateway.core.titles.spare_capacity import SpareCapacity
from gateway.core.titles.titling import TITLE_S, Titler, TitlerParts
from gateway.errors import StoreUnavailable
from storage.sessions.sessions import PostgresMessages
from tests.integration.sessions.conversations import SESSIONS
from tests.integration.sessions.title_agents import Slow
from tests.integration.sessions.titles import asked, becomes, says
from tests.world import Person, World, eventually

HERE = "tests.integration.sessions.title_agents"


async def alone(world: World, target: str, **given: Any) -> tuple[Any, Person]:
    """An agent of `title_agents` and a user who talks to it."""
    settings = PythonAgentSettings(kind="python", target=f"{HERE}:{target}", **given)
    gateway = await world.gateway(agents={"assistant": settings})
    agent: Any = gateway.gateway.engine.agents[AgentName("assistant")]
    return agent.target.__self__, await world.person("mia", gateway.url)


@pytest.mark.parametrize("given", [{}, {"concurrency": 1}])
async def test_a_title_yields_to_a_turn(world: World, given: dict[str, int]) -> None:
    """The model has one slot and is generating a title when a message arrives: the message is answered first."""
    agent, mia = await alone(world, "OneAtATime", **given)
    session = await says(mia, "hello")
    await asked(agent)
    async with asyncio.timeout(TITLE_S / 2):
        await says(mia, "more", session)
    assert agent.interrupted == 1
    agent.go_on.set()
    await becomes(mia, session, "Talk of 4")


async def test_with_capacity_for_both_a_title_continues(world: World) -> None:
    """The settings say how many requests the agent takes at a time."""
    agent, mia = await alone(world, "Pondering", concurrency=2)
    session = await says(mia, "hello")
    await asked(agent)
    await says(mia, "and this")
    agent.go_on.set()
    await becomes(mia, session, "Talk of 2")
    assert agent.interrupted == 0


async def test_no_title_is_made_from_half_a_conversation(world: World) -> None:
    """An edited opening gives a title once its new answer is there."""
    agent, mia = await alone(world, "Slow")
    session = await says(mia, "hello")
    await becomes(mia, session, "Talk of 2: hello")
    agent.go_on.clear()
    path = f"{SESSIONS}/{session}/messages/{session}.1"
    again = asyncio.create_task(mia.calls("PATCH", path, json={"text": "ships", "answer_again": True}))
    await becomes(mia, session, "ships")

    async def answering() -> bool:
        return bool(agent.answering)

    await eventually(answering)
    agent.go_on.set()
    assert (await again)[0] == 200
    await becomes(mia, session, "Talk of 2: ships")


async def test_another_agent_can_generate_titles(world: World) -> None:
    """`title_agent`: the agent that answers is not asked, and still appears as the session's agent."""
    agents = {
        "assistant": PythonAgentSettings(kind="python", target=f"{HERE}:OneAtATime", title_agent="namer"),
        "namer": PythonAgentSettings(kind="python", target=f"{HERE}:Slow"),
    }
    gateway = await world.gateway(agents=agents)
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "hello")
    await becomes(mia, session, "Talk of 2: hello")
    assert (await mia.gets(f"{SESSIONS}/{session}"))["agent_name"] == "assistant"


@dataclass(frozen=True)
class AwayOnce(PostgresMessages):
    """A store whose database is unavailable at the first read."""

    looks: list[None] = field(default_factory=list)

    async def page(
        self, session_id: SessionId, user_id: UserId | None, limit: int, before_id: MessageId | None
    ) -> MessagePage:
        """Succeeds from the second call on."""
        self.looks.append(None)
        if len(self.looks) == 1:
            raise StoreUnavailable("away")
        return await super().page(session_id, user_id, limit, before_id)


async def test_a_brief_database_outage_costs_no_title(world: World) -> None:
    """The conversation is read again."""
    running = await world.gateway()
    stores, announcer = running.gateway.stores, running.gateway.engine.announcer
    mia = await world.person("mia", running.url)
    session = await says(mia, "hello")
    messages = AwayOnce(stores.database)
    namers: Any = {AgentName("assistant"): Slow()}
    titler = Titler(TitlerParts(namers, {}, SpareCapacity({}), stores.session_changes, messages, announcer))
    titler.name(await stores.sessions.get(SessionId(session), None))
    await becomes(mia, session, "Talk of 2: hello")
    await titler.stop()
