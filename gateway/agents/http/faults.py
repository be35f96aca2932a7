"""What can go wrong between a turn and its answer: whether it passes, and what operators and users hear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientResponseError,
    ClientSSLError,
    ConnectionTimeoutError,
    ServerDisconnectedError,
)
from pydantic import ValidationError

from gateway.agents.back_off import Transient, seconds_asked
from gateway.core.model import AgentName
from gateway.errors import AgentError, ErrorClass

BUSY_STATUSES = frozenset({408, 409, 425, 429})
"""409: an earlier request with the same key is still being processed (IETF draft Idempotency-Key header, section 2.7)."""
LONGEST_REASON = 500
SHORTEST_SECRET = 4
"""Characters; a shorter one can't be told from ordinary text."""
ADVICE: Mapping[int, str] = {
    401: "refused the request (401). Check `secret` and `headers`.",
    403: "refused the request (403). Check `secret` and `headers`.",
    404: "does not know the path (404). Check `url`.",
    405: "takes no POST (405). Check `url`.",
    410: "says that the path is gone (410). Check `url`.",
}


class Fault(Exception):
    """The text continues a sentence that begins with the server's name.

    `passes`: nothing has been answered, and the same request may succeed, after `retry_after` seconds if the server says so.
    """

    retryable = True
    error_class: ErrorClass = "unavailable"
    passes = False
    retry_after: float | None = None


class Unreachable(Fault):
    """No connection, or it ended before the answer began. The turn's id lets the server recognise a repetition."""

    passes = True


class ConnectsTooSlowly(Unreachable):
    """The connection took too long."""

    error_class: ErrorClass = "timeout"


class TooSlow(Fault):
    """The server took too long to begin or to continue its answer."""

    error_class: ErrorClass = "timeout"


class CutOff(Fault):
    """The answer broke off. Users have received a part of it: only a whole new attempt can repeat it."""


class Failed(Fault):
    """The answer itself says that it failed."""

    error_class: ErrorClass = "agent_error"


class Unusable(Fault):
    """The answer is not what it should be."""

    retryable = False
    error_class: ErrorClass = "agent_error"


class Misconfigured(Fault):
    """Only other settings help."""

    retryable = False
    error_class: ErrorClass = "misconfigured"


class Refused(Fault):
    """The server answered with a status other than success; `said`: the beginning of its text."""

    def __init__(self, status: int, said: str = "", retry_after: str | None = None) -> None:
        super().__init__(_refusal(status, said))
        self.passes = self.retryable = status in BUSY_STATUSES or status >= 500
        self.retry_after = seconds_asked(retry_after)
        self.error_class = _class_of(status)


def _refusal(status: int, said: str) -> str:
    if 300 <= status < 400:
        return f"redirects ({status}), which is not followed. Set `url` to the final address."
    advice = ADVICE.get(status, f"answered {status}.")
    return f"{advice} It said: {said}" if said else advice


def _class_of(status: int) -> ErrorClass:
    if status == 429:
        return "rate_limited"
    if status in BUSY_STATUSES or status >= 500:
        return "unavailable"
    return "misconfigured" if status < 400 or status in ADVICE else "agent_error"


def before_answer(error: ClientError) -> Fault:
    """Returns what the client's error means while nothing has been answered."""
    match error:
        case ClientConnectorCertificateError() | ClientSSLError():
            return Misconfigured(f"has no valid certificate for this name: {_reason(error)}")
        case ConnectionTimeoutError():
            return ConnectsTooSlowly("took too long to connect. Check `url`.")
        case ClientConnectorError():
            return Unreachable(f"cannot be reached: {_reason(error)}. Check `url`.")
        case ClientOSError() | ServerDisconnectedError():
            return Unreachable(f"closed the connection before its answer: {_reason(error)}.")
        case _:
            return Unusable(f"answered with something that is not HTTP: {_reason(error)}.")


def malformed(error: ValidationError) -> Unusable:
    """Names the first fault, without the input: it may be long, and private."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return Unusable(f"answered with malformed JSON: {place + ': ' if place else ''}{fault['msg']}.")


def _reason(error: ClientError) -> str:
    """The error's own words, without the URL: its path or query may be secret."""
    if isinstance(error, ClientResponseError):
        return error.message[:LONGEST_REASON]
    if isinstance(error, ClientConnectorError):
        return str(error.os_error)[:LONGEST_REASON] or type(error.os_error).__name__
    return type(error).__name__


@dataclass(frozen=True, slots=True)
class Reporter:
    """Words faults for operators. `secrets` are removed wherever a server repeats them."""

    name: AgentName
    origin: str
    secrets: tuple[str, ...] = field(repr=False)

    def transient(self, error: Exception) -> Transient | None:
        """Returns why the same request may succeed later; None if it would not."""
        if not isinstance(error, Fault) or not error.passes:
            return None
        return Transient(str(self.of(error)), error.retry_after)

    def of(self, fault: Fault) -> AgentError:
        """Returns the agent's error."""
        text = f"agents.{self.name}: {self.origin} {fault}"
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return AgentError(text, retryable=fault.retryable, error_class=fault.error_class)


def secrets_of(headers: Mapping[str, str], secret: str | None) -> tuple[str, ...]:
    """Returns what no text may contain, longer ones first: whole headers, and the token after a scheme such as `Bearer`."""
    told = {secret or "", *headers.values(), *(value.rpartition(" ")[2] for value in headers.values())}
    return tuple(sorted((one for one in told if len(one) >= SHORTEST_SECRET), key=len, reverse=True))
