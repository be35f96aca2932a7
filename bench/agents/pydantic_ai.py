"""The kind `pydantic_ai`: an agent whose model is a function, without and with a conversation of twenty turns."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
from pydantic_ai import (
    Agent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from bench.agents.contestant import AGENT, Contestant, Place
from gateway.agents.pydantic_ai.agent import PydanticAIAgent
from gateway.agents.pydantic_ai.conversation import Conversation, Depth, written
from storage.agent_data import PostgresAgentData
from storage.database import Database

TURNS = 20
SESSION = "twenty-turns"
KEEP = """
    INSERT INTO agent_data (agent_name, name, seq, chat_id, user_id, epoch, data) VALUES ($1, $2, 0, $3, $4, 0, $5)
"""


async def _answer(messages: list[ModelMessage], _: AgentInfo) -> AsyncIterator[str]:
    """As many tokens as the user asks for."""
    asked = messages[-1].parts[-1]
    assert isinstance(asked, UserPromptPart)
    for _token in range(int(str(asked.content))):
        yield "word "


async def contestants(url: str, database: Database, place: Place) -> tuple[Contestant, ...]:
    """Both keep their messages in Postgres after each turn."""
    library = Agent(FunctionModel(stream_function=_answer))
    history = _conversation()
    await _keep(url, place, history)
    adapter = PydanticAIAgent(AGENT, library, PostgresAgentData(database), Depth(TURNS))

    def direct(known: list[ModelMessage]) -> Contestant:
        async def call(tokens: int) -> None:
            async with library.run_stream_events(str(tokens), message_history=known) as events:
                async for _ in events:
                    pass

        name = f"pydantic_ai, {TURNS} turns before" if known else "pydantic_ai, first turn"
        return Contestant(name, call, adapter, SESSION if known else None)

    return direct([]), direct(history)


def _conversation() -> list[ModelMessage]:
    messages: list[ModelMessage] = []
    for number in range(TURNS):
        messages.append(ModelRequest(parts=[UserPromptPart(f"Question {number}: " + "what is a word? " * 10)]))
        messages.append(ModelResponse(parts=[TextPart(f"Answer {number}: " + "a word is a word. " * 40)]))
    return messages


async def _keep(url: str, place: Place, messages: list[ModelMessage]) -> None:
    """As the session's fork would find it."""
    data = written(Conversation(messages), TURNS)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(KEEP, AGENT, SESSION, place.chat_id, place.user_id, data)
    finally:
        await connection.close()
