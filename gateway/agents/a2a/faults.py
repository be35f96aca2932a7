"""What the A2A client's errors mean."""

from __future__ import annotations

import ssl

import httpx
from a2a.client.errors import A2AClientTimeoutError
from a2a.utils.errors import A2AError

from gateway.agents.http.faults import (
    LONGEST_REASON,
    ConnectsTooSlowly,
    CutOff,
    Failed,
    Fault,
    Misconfigured,
    Refused,
    TooSlow,
    Unreachable,
    Unusable,
)

ERRORS = (A2AError, httpx.HTTPError, ValueError)
"""What the client raises; protobuf's errors are `ValueError`s."""


def fault_of(error: Exception, *, begun: bool) -> Fault:
    """Returns what happened. `begun`: the answer has, so the same request can't be repeated in silence."""
    causes = _chain(error)
    http = next((cause for cause in causes if isinstance(cause, httpx.HTTPError)), None)
    if http is None:
        return _of_protocol(error)
    if isinstance(http, httpx.HTTPStatusError):
        return Refused(http.response.status_code, "", http.response.headers.get("Retry-After"))
    if isinstance(http, httpx.ConnectError | httpx.ConnectTimeout):
        return _of_connection(http, trusted=not any(isinstance(cause, ssl.SSLError) for cause in causes))
    if isinstance(http, httpx.TimeoutException):
        return TooSlow("sent nothing for too long.")
    return CutOff("cut its answer off.") if begun else Unreachable("closed the connection before its answer.")


def _of_connection(error: httpx.ConnectError | httpx.ConnectTimeout, *, trusted: bool) -> Fault:
    if not trusted:
        return Misconfigured("has no valid certificate for this name.")
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectsTooSlowly("took too long to connect. Check `url`.")
    return Unreachable(f"cannot be reached: {str(error)[:LONGEST_REASON]}. Check `url`.")


def _of_protocol(error: Exception) -> Fault:
    if isinstance(error, A2AClientTimeoutError):
        return TooSlow("sent nothing for too long.")
    if isinstance(error, A2AError):
        return Failed(f"reports an error: {str(error)[:LONGEST_REASON]}")
    return Unusable(f"answered with something that is not A2A: {type(error).__name__}.")


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
