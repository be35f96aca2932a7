"""Runs an Agent, Team or Workflow of Agno for each turn, in its own session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias, cast

from agno.models.message import Message as AgnoMessage
from agno.run import agent as of_agent
from agno.run import team as of_team
from agno.run import workflow as of_workflow
from agno.run.base import BaseRunOutputEvent
from agno.workflow import Workflow

from gateway.agents.agno.events import Translator
from gateway.agents.agno.runners import Sessions, load_runner
from gateway.agents.agno.settings import AgnoAgentSettings
from gateway.agents.failures import as_agent_error
from gateway.core.events import AgentEvent, AgentSession
from gateway.core.model import AgentName, Message, Turn
from gateway.errors import AgentError

Stream: TypeAlias = AsyncGenerator[BaseRunOutputEvent, None]
FAILED = (of_agent.RunErrorEvent, of_team.RunErrorEvent, of_workflow.WorkflowErrorEvent)
PAUSED = (
    *(of_agent.RunPausedEvent, of_team.RunPausedEvent),
    *(of_workflow.WorkflowPausedEvent, of_workflow.StepPausedEvent, of_workflow.RouterPausedEvent),
)


class RunFailed(Exception):
    """What Agno reports as an event."""


@dataclass(frozen=True, slots=True)
class AgnoAgent:
    """`sessions`: the author's object, and where it keeps its sessions."""

    name: AgentName
    sessions: Sessions

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        try:
            async with aclosing(self._events(turn)) as events:
                async for event in events:
                    yield event
        except AgentError:
            raise
        except Exception as error:
            raise as_agent_error(self.name, error) from error

    async def _events(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        session_id = await self._session_of(turn)
        run_id = _run_id(turn, turn.attempt)
        translator = Translator(run_id, steps=isinstance(self.sessions.runner, Workflow))
        async with aclosing(self._stream(turn, session_id, run_id)) as stream:
            async for event in stream:
                if isinstance(event, PAUSED):
                    raise AgentError(
                        f"agents.{self.name}: the run waits for an answer (confirmation or input), "
                        "and agents of this kind cannot ask.",
                        retryable=False,
                    )
                if isinstance(event, FAILED) and event.run_id == run_id:
                    raise await _cause(stream) or RunFailed(_told(event))
                for shown in translator.event(event):
                    yield shown
        if self.sessions.kept:
            yield AgentSession(session_id)

    def _stream(self, turn: Turn, session_id: str, run_id: str) -> Stream:
        continues = self.sessions.kept and turn.agent_session is not None
        streamed = self.sessions.runner.arun(
            _input(turn.text, turn.unseen if continues else turn.history),
            stream=True,
            stream_events=True,
            session_id=session_id,
            user_id=turn.user_id,
            run_id=run_id,
            metadata=dict(turn.metadata),
        )
        return cast("Stream", streamed)

    async def _session_of(self, turn: Turn) -> str:
        """A session's first conversation has its id. After a change of what was said, another one begins."""
        if turn.attempt > 1:
            await self.sessions.drop_runs(_run_id(turn, attempt) for attempt in range(1, turn.attempt))
        if turn.agent_session is not None:
            return turn.agent_session
        # A first answer that is regenerated leaves a session behind, and no history.
        is_first = not turn.history and turn.attempt == 1 and not await self._knows(turn.session_id)
        return turn.session_id if is_first else f"{turn.session_id}:{turn.turn_id}"

    async def _knows(self, session_id: str) -> bool:
        return self.sessions.kept and await self.sessions.runner.aget_session(session_id) is not None

    async def fork(self, agent_session: str) -> str | None:
        runner = self.sessions.runner
        if isinstance(runner, Workflow) or not self.sessions.kept:
            return None
        return await runner.afork_session(source_session_id=agent_session)

    async def forget(self, agent_session: str) -> None:
        await self.sessions.runner.adelete_session(agent_session)

    async def aclose(self) -> None:
        await self.sessions.close()


def _run_id(turn: Turn, attempt: int) -> str:
    """Each attempt has its own, so that one that ends late cannot replace another's."""
    return f"{turn.turn_id}:{attempt}"


def _input(text: str, missing: Sequence[Message]) -> str | list[AgnoMessage]:
    """The message to answer, after what the session does not know."""
    told = [
        AgnoMessage(role=message.role, content=message.content)
        for message in missing
        if message.content and not message.deleted
    ]
    return [*told, AgnoMessage(role="user", content=text)] if told else text


async def _cause(stream: Stream) -> Exception | None:
    """Returns the error that Agno is handling while it reports it: the report itself lacks the provider's status."""
    try:
        await stream.athrow(RunFailed())
    except RunFailed as failed:
        return failed.__context__ if isinstance(failed.__context__, Exception) else None
    except StopAsyncIteration:
        return None
    return None


def _told(event: BaseRunOutputEvent) -> str:
    return str(getattr(event, "content", None) or getattr(event, "error", ""))


def build(name: AgentName, settings: AgnoAgentSettings) -> AgnoAgent:
    """Raises `SettingsError` for a target that Agno cannot run."""
    url = None if settings.database is None else settings.database.get_secret_value()
    return AgnoAgent(name, Sessions.of(load_runner(name, settings), url))
