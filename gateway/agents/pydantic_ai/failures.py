"""Classifies what a run raised: whether another attempt makes sense, and what users may know."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_ai import (
    AgentRunError,
    FallbackExceptionGroup,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    OutputTokenLimitExceeded,
    RunCancelled,
    RunTimedOut,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.exceptions import ContentFilterError

from gateway.core.model import AgentName
from gateway.errors import AgentError, ErrorClass

LONGEST_QUOTE = 1_000
FOR_GOOD, AGAIN = False, True

KINDS: Sequence[tuple[type[Exception], ErrorClass, bool, str]] = (
    (ModelRateLimitError, "rate_limited", AGAIN, "the model's server limits the rate."),
    (ModelQuotaExceededError, "misconfigured", FOR_GOOD, "the account has no credit left."),
    (
        ModelContextWindowExceededError,
        "context_too_long",
        FOR_GOOD,
        "the conversation is too long. Lower agents.{name}.history.",
    ),
    (
        ModelAuthenticationError,
        "misconfigured",
        FOR_GOOD,
        "the server refused the API key. Check agents.{name}.api_key.",
    ),
    (ModelNotFoundError, "misconfigured", FOR_GOOD, "the server does not know the model. Check agents.{name}.model."),
    (ModelRequestRejectedError, "agent_error", FOR_GOOD, "the server rejected the request."),
    (ModelTimeoutError, "timeout", AGAIN, "the server did not answer in time."),
    (ModelRequestTimeout, "timeout", AGAIN, "the server did not answer in time."),
    (RunTimedOut, "timeout", AGAIN, "the run took too long."),
    (ModelConnectionError, "unavailable", AGAIN, "the server cannot be reached, or the answer was cut off."),
    (ModelUnavailableError, "unavailable", AGAIN, "the server is unavailable."),
    (ModelServerError, "unavailable", AGAIN, "the server failed."),
    (UsageLimitExceeded, "agent_error", FOR_GOOD, "the run reached its usage limit."),
    (ContentFilterError, "agent_error", FOR_GOOD, "a content filter stopped the answer."),
    (OutputTokenLimitExceeded, "agent_error", FOR_GOOD, "the answer reached the limit of its tokens."),
    (UnexpectedModelBehavior, "agent_error", AGAIN, "the model behaved unexpectedly."),
    (RunCancelled, "agent_error", FOR_GOOD, "the agent cancelled its run."),
    (UserError, "misconfigured", FOR_GOOD, "the agent is not set up correctly."),
    (AgentRunError, "agent_error", AGAIN, "the run failed."),
)
"""From the particular to the general: the first match counts."""


def as_agent_error(name: AgentName, error: Exception, secret: str = "") -> AgentError | None:
    """Returns the error for operators; None for one that is not the library's. `secret` is removed wherever the server repeats it."""
    if isinstance(error, FallbackExceptionGroup):
        return as_agent_error(name, error.exceptions[-1], secret)
    for kind, error_class, retryable, text in KINDS:
        if isinstance(error, kind):
            told = f"agents.{name}: {text.format(name=name)} {type(error).__name__}: {str(error)[:LONGEST_QUOTE]}"
            return AgentError(
                told.replace(secret, "…") if secret else told, retryable=retryable, error_class=error_class
            )
    return None
