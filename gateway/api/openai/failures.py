"""Reports turns without an answer as OpenAI's errors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.errors import ErrorClass

KEPT = (
    "The session's transcript holds an apology; send the message again to retry, "
    "with a new Idempotency-Key if it had one."
)
HOUR_S = 3_600
RETRY_S = 60
"""Seconds; a model's server seldom says how long to wait."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in place of an answer; `param` names the request's parameter at fault. `retry_s`: seconds until a retry may succeed."""

    status: HTTPStatus
    code: str
    message: str
    param: str | None = None
    retry_s: int | None = None


FAILURES: Mapping[ErrorClass, Failure] = {
    "context_too_long": Failure(
        HTTPStatus.BAD_REQUEST,
        "context_length_exceeded",
        "The message is longer than the model's context length, even without any history. Shorten it, or send it in several parts.",
        "messages",
    ),
    "rate_limited": Failure(
        HTTPStatus.TOO_MANY_REQUESTS,
        "rate_limit_exceeded",
        f"The model's server is refusing further requests for now; wait a few minutes. {KEPT}",
        retry_s=RETRY_S,
    ),
    "over_budget": Failure(
        HTTPStatus.TOO_MANY_REQUESTS,
        "insufficient_quota",
        f"Today's budget is used up; it is renewed at midnight UTC. {KEPT}",
        retry_s=HOUR_S,
    ),
    "unavailable": Failure(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "agent_unavailable",
        f"The agent is not available at the moment. {KEPT}",
        retry_s=RETRY_S,
    ),
    "timeout": Failure(HTTPStatus.GATEWAY_TIMEOUT, "agent_timeout", f"The agent took too long. {KEPT}"),
    "misconfigured": Failure(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "agent_misconfigured",
        "The agent is not set up correctly and cannot answer. Please tell the people who run this service.",
    ),
    "agent_error": Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "agent_failed", f"The agent could not answer. {KEPT}"),
}
"""OpenAI's clients act on these statuses and codes."""
TAKEN_BACK = Failure(
    HTTPStatus.CONFLICT, "turn_taken_back", "A newer message in the session withdrew this one and its answer."
)


def failure_of(outcome: TurnOutcome) -> Failure | None:
    """Returns why a turn has no answer; None if it has one."""
    if outcome.status == "failed":
        return FAILURES[outcome.error_class or "agent_error"]
    return TAKEN_BACK if outcome.reply.deleted else None
