"""What an agent is told of the conversation before a turn."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.history import estimate, fitted, history
from gateway.core.model import Message, Turn
from gateway.core.ports.agents import Agent, Counting, TurnTerms


def history_for(agent: Agent, turn: Turn, terms: TurnTerms) -> Sequence[Message]:
    """Returns as much of the history as the agent's settings allow."""
    told = history(turn.history, apologies=terms.apologies)
    if terms.history_tokens is None:
        return told
    return fitted(told, terms.history_tokens, agent.count_tokens if isinstance(agent, Counting) else estimate)
