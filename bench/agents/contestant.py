"""A kind of agent beside its own library, and where its turns take place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import uuid4

import asyncpg

from bench.databases import seed
from gateway.core.model import AgentName, ChatId, Turn, TurnId, UserId
from gateway.core.ports.agents import Agent
from turngate.testing.agents.turns import new_turn

AGENT = AgentName("assistant")
SEED = "SELECT chat_id, user_id FROM chat_sessions WHERE user_id LIKE $1 || '-%' LIMIT 1"


@dataclass(frozen=True, slots=True)
class Contestant:
    """The same work twice: an answer of so many tokens, streamed.

    `direct` calls the library as its own documentation does; `agent` gets a turn whose text is the number of tokens.
    `session`: the name of the library's own conversation, if there is one.
    """

    name: str
    direct: Callable[[int], Awaitable[None]]
    agent: Agent
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A session in the database that turns belong to."""

    chat_id: ChatId
    user_id: UserId

    def turn(self, tokens: int, session: str | None) -> Turn:
        """A new turn there."""
        turn = new_turn(str(tokens), agent_session=session)
        return replace(turn, turn_id=TurnId(uuid4()), chat_id=self.chat_id, user_id=self.user_id)


async def new_place(url: str, group: str) -> Place:
    """A session with a question and an answer."""
    await seed(url, group, 1, 2)
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(SEED, group)
    finally:
        await connection.close()
    assert row is not None
    return Place(ChatId(row["chat_id"]), UserId(row["user_id"]))
