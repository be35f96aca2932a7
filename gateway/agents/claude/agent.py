"""Runs Claude Agent SDK for each turn. The SDK's conversation is kept in the gateway's database, under its own id."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import cast
from uuid import uuid4

import structlog
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKError, SessionStore

from gateway.agents.claude.events import Translator
from gateway.agents.claude.failures import Failures
from gateway.agents.claude.options import Target, options_from, options_of, require_key
from gateway.agents.claude.program import Programs
from gateway.agents.claude.prompt import prompt_of
from gateway.agents.claude.settings import ClaudeAgentSettings
from gateway.agents.claude.transcript import Transcript
from gateway.core.events import AgentEvent, AgentSession
from gateway.core.model import AgentName, Turn
from gateway.core.ports.agent_data import AgentDataStore, AgentDatum

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClaudeAgent:
    """`target`: the author's own options for a turn."""

    name: AgentName
    settings: ClaudeAgentSettings
    target: Target
    data: AgentDataStore
    _programs: Programs = field(default_factory=Programs)

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        base = None if turn.agent_session is None else await self.data.read(self.name, turn.agent_session, turn)
        transcript = Transcript() if base is None else Transcript.read(base.data)
        session_id = _session_id(turn, base)
        options = await options_of(self.name, self.target, self.settings, turn)
        failures = Failures(self.name, self._secret)
        translator = Translator(failures)
        try:
            messages = self._programs.run(_continuing(options, transcript, session_id), prompt_of(turn, base), turn)
            async with aclosing(messages):
                async for message in messages:
                    for event in translator.events(message):
                        yield event
        except TimeoutError as error:
            raise failures.of_time() from error
        except ClaudeSDKError as error:
            raise failures.of_program(error) from error
        if await self._kept(turn, transcript, session_id, base):
            yield AgentSession(session_id)

    @property
    def _secret(self) -> str:
        return "" if self.settings.api_key is None else self.settings.api_key.get_secret_value()

    async def _kept(self, turn: Turn, transcript: Transcript, session_id: str, base: AgentDatum | None) -> bool:
        """Whether the next turn can continue; otherwise Claude is told the transcript."""
        data = transcript.written(session_id)
        if data is None:
            log.warning("agent_data_not_kept", agent=self.name, session=turn.session_id, reason="missing or too large")
            return False
        return await self.data.write(self.name, session_id, turn, data, base)

    async def fork(self, agent_session: str) -> str | None:
        name = str(uuid4())
        return name if await self.data.copy(self.name, agent_session, name) else None

    async def forget(self, agent_session: str) -> None:
        await self.data.delete(self.name, agent_session)

    async def aclose(self) -> None:
        await self._programs.close()


def build(name: AgentName, settings: ClaudeAgentSettings, data: AgentDataStore) -> ClaudeAgent:
    """Raises `SettingsError` for settings that cannot be used."""
    require_key(name, settings)
    return ClaudeAgent(name, settings, options_from(name, settings), data)


def _session_id(turn: Turn, base: AgentDatum | None) -> str:
    """Returns the SDK's id of the conversation. Attempts at its first turn use the same one, which is the turn's."""
    return str(turn.turn_id) if turn.agent_session is None or base is None else turn.agent_session


def _continuing(options: ClaudeAgentOptions, transcript: Transcript, session_id: str) -> ClaudeAgentOptions:
    """A conversation that was kept under another id is that of a forked session: the SDK forks it as well."""
    stored = replace(options, session_store=cast("SessionStore", transcript))  # the SDK needs no other methods
    if not transcript.session_id:
        return replace(stored, session_id=session_id)
    if transcript.session_id == session_id:
        return replace(stored, resume=session_id)
    return replace(stored, resume=transcript.session_id, fork_session=True, session_id=session_id)
