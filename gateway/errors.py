"""Everything that can go wrong on purpose.

GatewayError
├── SettingsError            a setting is unknown, of the wrong type, or contradicts another
├── MissingPiece             something that must be installed or built is not there
├── InvalidInput             what came in breaks a rule of the contract (HTTP 400)
│   └── TooLarge             … by its size (413)
├── Unauthenticated          no token, or one that is not valid (401)
├── Forbidden                the caller lacks the role, or the origin is not allowed (403)
├── NotFound                 missing, or someone else's: the answer is the same (404)
├── Conflict                 the state does not allow it now (409)
├── Stale                    somebody else was quicker: the version written against is not the newest (412)
├── TooManyRequests          a rate limit was reached (429)
├── StoreUnavailable         the database cannot be reached or refuses to work now (503)
│   └── DatabaseMisconfigured   … and only another configuration of it, or of a pooler, changes that
├── LeaseLost                the turn was taken over by another replica: its result is dropped
├── ErasureOver              somebody else has finished the erasure: what is there now is of after it
├── AgentError               an agent failed; `retryable` says whether another attempt makes sense, `error_class` what users hear
└── DeliveryError            a chunk was not delivered
    ├── DeliveryRefused      … and never will be
    ├── DeliveryDeferred     … and may be after `retry_after` seconds
    └── DeliveryUnknown      … or perhaps it was: the response got lost
"""

from __future__ import annotations

from typing import Literal

ErrorClass = Literal[
    "context_too_long", "rate_limited", "over_budget", "unavailable", "misconfigured", "timeout", "agent_error"
]
"""What a user may know of why a turn failed; `docs/api.md` explains each."""


class GatewayError(Exception):
    """The root of the tree; its text is written for the person who reads it."""


class SettingsError(GatewayError):
    """Settings that cannot be used; the text names each key and what it should be."""


class MissingPiece(GatewayError):
    """Something that must be installed or built is missing; the text says how to get it."""


class InvalidInput(GatewayError):
    """Input that breaks a rule; the text names the rule."""


class TooLarge(InvalidInput):
    """Input larger than its limit; the text names the limit."""


class Unauthenticated(GatewayError):
    """No token, or an invalid one; the text never says why in more detail than the caller may know."""


class Forbidden(GatewayError):
    """The caller is known and may not do this."""


class NotFound(GatewayError):
    """Missing or someone else's; both get the same text."""


class Conflict(GatewayError):
    """Not possible in the current state."""


class Stale(GatewayError):
    """The version that was written against is no longer the newest; `version` is."""

    def __init__(self, text: str, version: int) -> None:
        super().__init__(text)
        self.version = version


class TooManyRequests(GatewayError):
    """A rate limit was reached; try again after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class StoreUnavailable(GatewayError):
    """The database does not respond, or not as it should; nothing was acknowledged."""


class DatabaseMisconfigured(StoreUnavailable):
    """The database must not be used as configured; the text says what its administrator has to change."""


class NotificationsUnavailable(GatewayError):
    """Notifications sent to listening replicas do not reach this one."""


class LeaseLost(GatewayError):
    """The turn's lease moved on (another owner or epoch, or the turn has ended)."""


class SenderChanged(GatewayError):
    """The sender is not the user they were taken for: their link has just been created or ended. Nothing was stored."""


class ErasureOver(GatewayError):
    """The erasure has ended in the meantime; what exists now is newer and must be left alone."""


class AgentError(GatewayError):
    """An agent failed. `retryable`: whether another attempt at the same turn makes sense.

    The text is for operators; users only see the class.
    """

    def __init__(self, text: str, *, retryable: bool = True, error_class: ErrorClass = "agent_error") -> None:
        super().__init__(text)
        self.retryable = retryable
        self.error_class = error_class


class DeliveryError(GatewayError):
    """A chunk did not reach its address, or it is unknown whether it did."""


class DeliveryRefused(DeliveryError):
    """The network will never accept it (blocked, gone, malformed). `address_dead`: nor anything else for that address."""

    def __init__(self, text: str, *, address_dead: bool = False) -> None:
        super().__init__(text)
        self.address_dead = address_dead


class DeliveryDeferred(DeliveryError):
    """Not delivered for now; try again after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class DeliveryUnknown(DeliveryError):
    """The request was sent and no answer came: it may have been delivered."""
