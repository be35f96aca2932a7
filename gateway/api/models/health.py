"""The health of the gateway."""

from __future__ import annotations

from typing import Literal

from gateway.api.models.common import Answer


class Health(Answer):
    """The process is running."""

    status: Literal["ok"]


class Check(Answer):
    """One condition of readiness."""

    name: str
    ok: bool
    detail: str


class Readiness(Answer):
    """Whether the gateway can serve."""

    status: Literal["ready", "not ready"]
    checks: tuple[Check, ...]
