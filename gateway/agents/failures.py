"""Classifies what a framework raised: whether another attempt makes sense, and what users may know."""

from __future__ import annotations

from gateway.core.model import AgentName
from gateway.errors import AgentError, ErrorClass

LONGEST_QUOTE = 1_000
BUSY = frozenset({408, 409, 425, 429})
REFUSED = frozenset({401, 403, 404})


def as_agent_error(name: AgentName, error: Exception) -> AgentError:
    """Returns the error for operators. The libraries of model providers give their errors the status of the HTTP answer."""
    status = status_of(error)
    told = f"agents.{name}: {type(error).__name__}: {str(error)[:LONGEST_QUOTE]}"
    if status is None:
        return AgentError(told, error_class=_class_of(error))
    if status in REFUSED:
        return AgentError(told, retryable=False, error_class="misconfigured")
    if status in BUSY:
        return AgentError(told, error_class="rate_limited" if status == 429 else "unavailable")
    return AgentError(told, retryable=status >= 500, error_class="unavailable" if status >= 500 else "agent_error")


def status_of(error: BaseException | None) -> int | None:
    """Returns the HTTP status of the error, or of the one that it was raised from."""
    while error is not None:
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__ or error.__context__
    return None


def _class_of(error: Exception) -> ErrorClass:
    return "unavailable" if isinstance(error, ConnectionError | TimeoutError) else "agent_error"
