"""Classifies errors of a model's server: retry, fix the settings, or give up."""

from __future__ import annotations

from collections.abc import Mapping

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
)

from gateway.agents.back_off import Transient, seconds_asked
from gateway.agents.openai.overflow import ContextOverflow, overflow_of
from gateway.core.model import AgentName
from gateway.errors import AgentError, ErrorClass

BUSY_STATUSES = frozenset({408, 409, 425, 429})
MISCONFIGURED = frozenset({401, 403, 404})
NO_CREDIT = "insufficient_quota"
LONGEST_QUOTE = 500
ADVICE: Mapping[int | str, str] = {
    401: "refused the API key (401). Set agents.{name}.api_key, or the variable OPENAI_API_KEY.",
    403: "does not allow this API key to do this (403). Check agents.{name}.api_key and agents.{name}.model.",
    404: "does not know the model or the path (404). Check agents.{name}.model and agents.{name}.base_url.",
    NO_CREDIT: "reports that this account has no credit left (429).",
}


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed later: connection trouble, rate limits, faults of the server."""
    if overflow_of(error) is not None:  # some servers report it as a fault of their own
        return False
    if isinstance(error, APIStatusError):
        return (error.status_code in BUSY_STATUSES and error.code != NO_CREDIT) or error.status_code >= 500
    return isinstance(error, APIConnectionError)


def transient(name: AgentName, error: Exception, secret: str) -> Transient | None:
    """Returns why the same request may succeed later, and when; None if it would not."""
    if not isinstance(error, APIError) or not is_transient(error):
        return None
    asked = error.response.headers.get("retry-after") if isinstance(error, APIStatusError) else None
    return Transient(str(as_agent_error(name, error, secret)), seconds_asked(asked))


def as_agent_error(name: AgentName, error: APIError, secret: str) -> AgentError:
    """Returns the error for operators. `secret` is removed wherever the server repeats it."""
    text = f"agents.{name}: {_explain(name, error)}"
    text = text.replace(secret, "…") if secret else text
    if (overflow := overflow_of(error)) is not None:
        return ContextOverflow(text, overflow)
    retryable = not isinstance(error, APIStatusError) or is_transient(error)
    return AgentError(text, retryable=retryable, error_class=error_class_of(error))


def error_class_of(error: APIError) -> ErrorClass:
    """Returns what the user may know about the error."""
    if isinstance(error, APITimeoutError):
        return "timeout"
    if not isinstance(error, APIStatusError):
        return "unavailable"
    if error.status_code in MISCONFIGURED or error.code == NO_CREDIT:
        return "misconfigured"
    if error.status_code == 429:
        return "rate_limited"
    return "unavailable" if is_transient(error) else "agent_error"


def _explain(name: AgentName, error: APIError) -> str:
    place = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    said = f"It said: {error.message[:LONGEST_QUOTE]}"
    if isinstance(error, APIStatusError):
        case = NO_CREDIT if error.code == NO_CREDIT else error.status_code
        advice = ADVICE.get(case, f"answered {error.status_code}.").format(name=name)
        return f"{place} {advice} {said}"
    if isinstance(error, APIConnectionError):
        return f"{place} cannot be reached. Check agents.{name}.base_url. {said}"
    return f"{place} ended its answer early. {said}"
