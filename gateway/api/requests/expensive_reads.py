"""Expensive reads, such as searches: each user runs a few at a time, so that the database has room for others."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gateway.api.parts import PRINCIPAL, RATES, principal_of
from gateway.api.requests.limits import address_of
from gateway.core.limits.fair_slots import FairSlots
from gateway.core.limits.shares import Claim
from gateway.errors import TooManyRequests

PATIENCE_S = 2.0
"""Seconds that a request waits for a slot."""
RETRY_S = 2.0
SESSIONS = "/api/chat/sessions"
SESSION = f"{SESSIONS}/{{session_id}}"
LISTS = frozenset(
    {
        SESSIONS,
        f"{SESSION}/messages",
        f"{SESSION}/messages/{{message_id}}/versions",
        f"{SESSION}/turns",
        f"{SESSION}/snapshots",
        "/api/agents/{name}",
        "/api/agents/{name}/sessions",
        "/api/agents/{name}/active-session",
        "/api/schedules",
        "/api/schedules/{schedule_id}/runs",
        "/api/links",
        "/api/tokens",
        "/api/usage",
    }
)
COPIES = frozenset({f"{SESSION}/fork", f"{SESSION}/snapshots/{{number}}/restore"})
READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


@web.middleware
async def metered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Makes an expensive read wait for a slot. Raises `TooManyRequests` if that takes too long."""
    if PRINCIPAL not in request or not _reads_much(request):
        return await handler(request)
    slots, claim = _slots(request), _claim(request)
    if not await slots.take(claim, PATIENCE_S):
        raise TooManyRequests(
            "Too many of your lists, searches, exports and forks are running at the same time (limits.reads_per_user). "
            "Wait for some of them to finish, then try again.",
            RETRY_S,
        )
    try:
        return await handler(request)
    finally:
        slots.release(claim)


async def paced(request: web.Request, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Sends a long response: each piece is produced in a slot, and none is held while a piece is sent."""
    while True:
        async with _slots(request).held(_claim(request)):
            piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


def _reads_much(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    path = None if resource is None else resource.canonical
    return (request.method in READING and path in LISTS) or (request.method == hdrs.METH_POST and path in COPIES)


def _slots(request: web.Request) -> FairSlots:
    rates = request.config_dict[RATES]
    return rates.operator_reads if principal_of(request).role == "operator" else rates.user_reads


def _claim(request: web.Request) -> Claim:
    principal = principal_of(request)
    return Claim(principal.user_id, address_of(request) if principal.role == "visitor" else None)
