"""Each of our errors as a problem document."""

from __future__ import annotations

import json

import pytest

from gateway.api.requests.problems import foreseen
from gateway.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    InvalidInput,
    LeaseLost,
    NotFound,
    StoreUnavailable,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
)


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (InvalidInput("why"), 400, None),
        (Unauthenticated("why"), 401, ("WWW-Authenticate", "Bearer")),
        (Forbidden("why"), 403, None),
        (NotFound("why"), 404, None),
        (Conflict("why"), 409, None),
        (TooLarge("why"), 413, None),
        (TooManyRequests("why", 1.2), 429, ("Retry-After", "2")),
        (StoreUnavailable("why"), 503, ("Retry-After", "2")),
    ],
)
def test_an_error_has_its_status_and_its_words(
    error: GatewayError, status: int, header: tuple[str, str] | None
) -> None:
    """RFC 9457, with the headers that its status requires."""
    response = foreseen(error)
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert json.loads(response.body)["detail"] == "why"  # type: ignore[arg-type] # bytes
    assert header is None or response.headers[header[0]] == header[1]


def test_an_inner_error_tells_the_caller_nothing() -> None:
    """What no caller can act on goes to the log."""
    response = foreseen(LeaseLost("internal detail"))
    assert response.status == 500
    assert "internal detail" not in response.text  # type: ignore[operator] # it has a text
