"""Holds a request back if the lease to send it lapses before it is written.

Between the decision to send and the first byte come the wait for a connection, TCP and TLS. A process that is frozen there
for longer than its lease wakes up with an open connection, and another replica may have sent the same chunk by then. So httpx
checks right before it writes: https://www.python-httpx.org/advanced/extensions/#trace
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import httpx

from gateway.core.ports.channels import MayLeave
from gateway.errors import DeliveryDeferred

_WRITES = (".send_request_headers.started", ".send_request_body.started")
_PERMIT: ContextVar[MayLeave | None] = ContextVar("permit", default=None)
"""python-telegram-bot passes no caller's arguments through to httpx; the request is made in the same task, though."""


class Fenced(DeliveryDeferred):
    """The lease lapsed before the request was written; nothing that Telegram would act on was sent."""

    def __init__(self) -> None:
        super().__init__("This replica's lease expired while the request waited for a connection.", 0.0)


@contextmanager
def fenced(may_leave: MayLeave) -> Iterator[None]:
    """Requests made in this block are sent only if `may_leave` allows it when they are written; otherwise they raise `Fenced`.

    Nested blocks must all agree.
    """
    outer = _PERMIT.get()
    token = _PERMIT.set(may_leave if outer is None else lambda: outer() and may_leave())
    try:
        yield
    finally:
        _PERMIT.reset(token)


async def before_request(request: httpx.Request) -> None:
    """An httpx event hook: makes the request check its permit, if it has one, before each write."""
    if (may_leave := _PERMIT.get()) is not None:
        request.extensions["trace"] = partial(_look, may_leave)


async def _look(may_leave: MayLeave, event: str, _about: Mapping[str, object]) -> None:
    if event.endswith(_WRITES) and not may_leave():
        raise Fenced
