"""Webhooks: HTTP routes of the gateway that a network's server calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

WebhookMethod = Literal["GET", "POST", "PUT"]


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A call. `headers`: with lower-case names. `query`: as in the URL. `body`: without its content coding."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The response to a call. Without a `Content-Type` among the headers, `body` is plain bytes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _admit_everybody(_headers: Mapping[str, str]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Webhook:
    """A route that a network needs; `path` is `/webhooks/<channel>` or below it.

    `admits` receives the headers before the body is read; unless it returns True, the call ends with 403. `handle` returns once everything
    in the call is settled. A `GatewayError` from it becomes the API's response for that error: 503 with `Retry-After` for
    `StoreUnavailable`. A body over `max_body` bytes is refused with 413.
    """

    method: WebhookMethod
    path: str
    handle: Callable[[WebhookRequest], Awaitable[WebhookResponse]]
    admits: Callable[[Mapping[str, str]], bool] = _admit_everybody
    max_body: int = 1_048_576


@runtime_checkable
class WebhookReceiver(Protocol):
    """A network whose server calls the gateway."""

    def webhooks(self) -> Sequence[Webhook]:
        """Returns the webhooks, always the same ones; called once the network is built, before it runs."""
        ...
