"""Errors on a socket in terms of the protocol: codes of `error` frames and close codes (RFC 6455, 7.4)."""

from __future__ import annotations

from typing import Literal

from gateway.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    InvalidInput,
    NotFound,
    StoreUnavailable,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
)

INVALID_TEXT = 1007
FLOOD = 1008
RESTARTING = 1012
TOO_SLOW = 1013
UNAUTHENTICATED = 4401
ORIGIN = 4403

Code = Literal[
    "invalid",
    "too_large",
    "unauthenticated",
    "forbidden",
    "not_found",
    "conflict",
    "rate_limited",
    "unavailable",
    "internal",
]

CODES: tuple[tuple[type[GatewayError], Code], ...] = (
    (TooLarge, "too_large"),
    (InvalidInput, "invalid"),
    (Unauthenticated, "unauthenticated"),
    (Forbidden, "forbidden"),
    (NotFound, "not_found"),
    (Conflict, "conflict"),
    (TooManyRequests, "rate_limited"),
    (StoreUnavailable, "unavailable"),
)
"""Subclasses come first."""


class BadFrame(InvalidInput):
    """A frame that breaks a rule. `reply_to`: the client's id in it, if it can be read."""

    def __init__(self, text: str, reply_to: str | None = None, code: Code = "invalid") -> None:
        super().__init__(text)
        self.reply_to = reply_to
        self.code: Code = code


class BrokenText(BadFrame):
    """A text frame that is not UTF-8: the connection must be closed (RFC 6455, 8.1)."""


class HangUp(Exception):
    """Closes the socket with this code, after what is queued for it."""

    def __init__(self, code: int, error: GatewayError | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.error = error


def code_of(error: GatewayError) -> Code:
    """Returns the code for the `error` frame."""
    if isinstance(error, BadFrame):
        return error.code
    return next((code for kind, code in CODES if isinstance(error, kind)), "internal")
