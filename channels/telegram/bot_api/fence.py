"""Keeps a request's bytes back when the lease to send them lapses on the way to the wire.

Between the decision to send and the first byte lie the wait for a place in the pool, TCP and TLS. A process that is frozen there
for longer than its lease wakes up with an open connection, and another replica may have sent the same chunk by then. So httpx is
asked to look right before it writes: https://www.python-httpx.org/advanced/extensions/#trace
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
"""python-telegram-bot passes nothing of a caller's through to httpx; the request is made in the same task, though."""


class Fenced(DeliveryDeferred):
    """The lease lapsed before the request was written; nothing that Telegram would act on has left."""

    def __init__(self) -> None:
        super().__init__("This replica's lease expired while the request waited for a connection.", 0.0)


@contextmanager
def fenced(may_leave: MayLeave) -> Iterator[None]:
    """Requests made in this block leave only if `may_leave` says so when they are written; else they raise `Fenced`.

    Blocks within blocks all have to agree.
    """
    outer = _PERMIT.get()
    token = _PERMIT.set(may_leave if outer is None else lambda: outer() and may_leave())
    try:
        yield
    finally:
        _PERMIT.reset(token)


async def before_request(request: httpx.Request) -> None:
    """An httpx event hook: has the request look at its permit, if it has one, before each write."""
    if (may_leave := _PERMIT.get()) is not None:
        request.extensions["trace"] = partial(_look, may_leave)


async def _look(may_leave: MayLeave, event: str, _about: Mapping[str, object]) -> None:
    if event.endswith(_WRITES) and not may_leave():
        raise Fenced
