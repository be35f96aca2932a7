"""Runs a graph for each turn, from the checkpoint that the latest completed turn ended with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.graph import START
from langgraph.types import Interrupt, StreamMode

from gateway.agents.failures import as_agent_error
from gateway.agents.langgraph.events import Translator
from gateway.agents.langgraph.graphs import Checkpoints, load_graph
from gateway.agents.langgraph.messages import messages_of, said
from gateway.agents.langgraph.place import Place
from gateway.agents.langgraph.questions import answer_to, question_of
from gateway.agents.langgraph.settings import LangGraphAgentSettings
from gateway.core.events import AgentEvent, AgentSession
from gateway.core.model import AgentName, Message, Turn
from gateway.errors import AgentError

KEPT: tuple[StreamMode, ...] = ("checkpoints", "updates")
INTERRUPT = "__interrupt__"


@dataclass(frozen=True, slots=True)
class LangGraphAgent:
    """`checkpoints`: the graph and its checkpointer."""

    name: AgentName
    settings: LangGraphAgentSettings
    checkpoints: Checkpoints
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        try:
            async for event in self._events(turn):
                yield event
        except AgentError:
            raise
        except GraphRecursionError as error:
            raise AgentError(f"agents.{self.name}: {error}", retryable=False) from error
        except Exception as error:
            raise as_agent_error(self.name, error) from error

    async def _events(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        keeps = await self._opens()
        place, given = self._beginning(turn, keeps=keeps)
        config = self._config(turn, await self._new_thread(turn) if place is None else place._asdict())
        translator, interrupts = Translator(), list[Interrupt]()
        modes: list[StreamMode] = ["messages", "custom", *(KEPT if keeps else ())]
        async for mode, piece in self.checkpoints.graph.astream(given, config, stream_mode=modes):
            match mode:
                case "messages":
                    events = translator.message(cast("BaseMessage", piece[0]))
                case "custom":
                    events = translator.custom(piece)
                case _:
                    step = cast("Mapping[str, object]", piece)
                    interrupts += cast("Sequence[Interrupt]", step.get(INTERRUPT, ()))
                    place = _reached(step) or place
                    continue
            for event in events:
                yield event
        if place is not None:
            yield question_of(interrupts[0], place) if interrupts else AgentSession(str(place))

    def _beginning(self, turn: Turn, *, keeps: bool) -> tuple[Place | None, object]:
        """Returns where the run starts, and what the graph is given: an answer to its question, or messages."""
        if turn.answers and (answered := answer_to(turn.answers[-1])) is not None:
            return answered
        place = None if turn.agent_session is None or not keeps else Place.of(turn.agent_session)
        return place, {"messages": messages_of(turn, continues=place is not None)}

    async def _opens(self) -> bool:
        async with self._opening:
            return await self.checkpoints.opened() is not None

    async def _new_thread(self, turn: Turn) -> Mapping[str, str]:
        """A session's first thread has its id. After a change of what was said, and for another attempt, another one begins."""
        # A first answer that is regenerated leaves a thread behind, and no history.
        if not turn.history and turn.attempt == 1 and not await self._knows(turn.session_id):
            return {"thread_id": turn.session_id}
        return {"thread_id": f"{turn.session_id}:{turn.turn_id}:{turn.attempt}"}

    async def _knows(self, thread_id: str) -> bool:
        saver = await self.checkpoints.opened()
        where: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        return saver is not None and await saver.aget_tuple(where) is not None

    def _config(self, turn: Turn, where: Mapping[str, str]) -> RunnableConfig:
        return {
            "configurable": {**where, "checkpoint_ns": "", "user_id": turn.user_id},
            "metadata": {"user_id": turn.user_id, "session_id": turn.session_id, "turn_id": str(turn.turn_id)},
            "recursion_limit": self.settings.recursion_limit,
        }

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """LangChain's own count, which needs no tokenizer."""
        return count_tokens_approximately(said(messages))

    async def fork(self, agent_session: str) -> str | None:
        if not await self._opens():
            return None
        place, thread_id = Place.of(agent_session), str(uuid4())
        state = await self.checkpoints.graph.aget_state({"configurable": {**place._asdict(), "checkpoint_ns": ""}})
        if not state.values:
            return None
        copy = await self.checkpoints.graph.aupdate_state(
            {"configurable": {"thread_id": thread_id}}, state.values, as_node=START
        )
        return str(Place(thread_id, copy["configurable"]["checkpoint_id"]))

    async def forget(self, agent_session: str) -> None:
        saver = await self.checkpoints.opened()
        if saver is not None:
            await saver.adelete_thread(Place.of(agent_session).thread_id)

    async def aclose(self) -> None:
        await self.checkpoints.close()


def build(name: AgentName, settings: LangGraphAgentSettings) -> LangGraphAgent:
    """Raises `SettingsError` for a target that is no graph."""
    url = None if settings.checkpoints is None else settings.checkpoints.get_secret_value()
    return LangGraphAgent(name, settings, Checkpoints(load_graph(name, settings), url))


def _reached(step: Mapping[str, object]) -> Place | None:
    """Returns where a step's checkpoint stands; None for another piece."""
    match step.get("config"):
        case {"configurable": {"thread_id": str(thread_id), "checkpoint_id": str(checkpoint_id)}}:
            return Place(thread_id, checkpoint_id)
        case _:
            return None
