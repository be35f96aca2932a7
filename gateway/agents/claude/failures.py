"""Classifies what went wrong: whether another attempt makes sense, and what users may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from claude_agent_sdk import ClaudeSDKError, CLINotFoundError, ResultMessage

from gateway.core.model import AgentName
from gateway.errors import AgentError, ErrorClass

LONGEST_QUOTE = 1_000
FOR_GOOD, AGAIN = False, True
TOO_LONG = "prompt is too long"
"""Anthropic's words for a conversation that does not fit."""

KINDS: Mapping[str, tuple[ErrorClass, bool, str]] = {
    "authentication_failed": (
        "misconfigured",
        FOR_GOOD,
        "the server refused the API key. Check agents.{name}.api_key.",
    ),
    "billing_error": ("misconfigured", FOR_GOOD, "the account cannot pay for the call."),
    "rate_limit": ("rate_limited", AGAIN, "the model's server limits the rate."),
    "invalid_request": ("agent_error", FOR_GOOD, "the server rejected the request."),
    "server_error": ("unavailable", AGAIN, "the model's server failed, or the answer was cut off."),
}
LIMITS: Mapping[str, str] = {
    "error_max_turns": "the run reached agents.{name}.max_turns.",
    "error_max_budget_usd": "the run reached its budget.",
}


@dataclass(frozen=True, slots=True)
class Failures:
    """The errors of one agent. `secret`: its key, which servers may repeat."""

    name: AgentName
    secret: str = ""

    def of_answer(self, kind: str, said: str) -> AgentError:
        """The model's server gave no answer."""
        if TOO_LONG in said.lower():
            return self._error("context_too_long", "the conversation is too long for the model.", said, again=FOR_GOOD)
        error_class, again, text = KINDS.get(kind, ("agent_error", AGAIN, "the model gave no answer."))
        return self._error(error_class, text, said, again=again)

    def of_run(self, result: ResultMessage) -> AgentError:
        """The run ended without an answer."""
        said = "; ".join(result.errors or ()) or (result.result or result.subtype)
        limit = LIMITS.get(result.subtype)
        return self._error("agent_error", limit or "the run failed.", said, again=AGAIN if limit is None else FOR_GOOD)

    def of_program(self, error: ClaudeSDKError) -> AgentError:
        """The SDK's program cannot be run, or has ended."""
        if isinstance(error, CLINotFoundError):
            return self._error(
                "misconfigured", "the SDK's program is missing. Reinstall it.", str(error), again=FOR_GOOD
            )
        told = f"{type(error).__name__}: {error}"
        return self._error("unavailable", "the SDK's program failed.", told, again=AGAIN)

    def of_time(self) -> AgentError:
        """The turn's time is up."""
        return self._error("timeout", "the answer took too long.", "", again=AGAIN)

    def _error(self, error_class: ErrorClass, text: str, said: str, *, again: bool) -> AgentError:
        told = f"agents.{self.name}: {text.format(name=self.name)} {said[:LONGEST_QUOTE]}".rstrip()
        told = told.replace(self.secret, "…") if self.secret else told
        return AgentError(told, retryable=again, error_class=error_class)
