"""Problem details: what is wrong with a request."""

from __future__ import annotations

from pydantic import Field

from gateway.api.models.common import Answer


class FieldFault(Answer):
    """What is wrong with one field."""

    place: str = Field(alias="in", description="`path`, `query string`, `body` or `headers`.")
    field: str
    message: str


class Problem(Answer):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What happened and what to do about it.")
    errors: tuple[FieldFault, ...] = Field(default=(), description="Field by field, if the input is invalid.")
