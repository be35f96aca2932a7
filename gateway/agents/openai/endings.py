"""How a model's answer may end besides well."""

from __future__ import annotations

from gateway.agents.openai.overflow import ContextOverflow, Overflow
from gateway.core.model import AgentName
from gateway.errors import AgentError


def cut_off(name: AgentName, how: str) -> AgentError:
    """Users have already received the partial answer: only a whole new attempt can repeat it."""
    return AgentError(f"agents.{name}: the answer was cut off: {how}.", error_class="unavailable")


def wants_tool(name: AgentName) -> AgentError:
    """The model's answer is a call of a tool that it was not offered."""
    return AgentError(
        f"agents.{name}: the model asked for a tool, and agents of kind openai have none.", retryable=False
    )


def no_answer(name: AgentName, reason: str, *, is_full: bool, retryable: bool) -> AgentError:
    """The model ended without a word. `is_full`: because its context was, although no limit was set for the answer."""
    text = f"agents.{name}: the model answered nothing ({reason})."
    # The prompt has left no room for an answer.
    return ContextOverflow(text, Overflow()) if is_full else AgentError(text, retryable=retryable)
