"""Limits of requests, writes, sign-ins, new visitors and open streams. Each replica counts for itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gateway.api.parts import PRINCIPAL, RATES, ApiRates, parts_of, principal_of
from gateway.core.limits.addresses import AddressRule
from gateway.core.limits.fair_slots import FairSlots
from gateway.core.limits.rates import Rates
from gateway.core.limits.settings import Limits
from gateway.core.limits.shares import Shares
from gateway.core.limits.slots import Slots

SIGN_IN = "/api/sign-in"
FORWARDED_FOR = "X-Forwarded-For"
USER_READS = 8
"""Half of the connections for users' requests: the others are for messages (`storage.database`) …"""
OPERATOR_READS = 3
"""… and all but one of those for operators' requests: the last one is for token lookups."""
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Monitoring is never limited."""


def api_rates(limits: Limits) -> ApiRates:
    """Creates the counters."""
    return ApiRates(
        addresses=AddressRule.of(limits.trusted_proxies),
        sign_ins=_rates(limits.sign_ins_per_minute, "sign_ins_per_minute"),
        visitors=_rates(limits.visitors_per_minute, "visitors_per_minute"),
        visitor_requests=_rates(limits.visitor_requests_per_minute, "visitor_requests_per_minute"),
        token_requests=_rates(limits.requests_per_minute, "requests_per_minute"),
        address_requests=_rates(limits.address_requests_per_minute, "address_requests_per_minute"),
        user_reads=FairSlots(Shares(USER_READS, most=limits.reads_per_user)),
        operator_reads=FairSlots(Shares(OPERATOR_READS)),
        user_streams=Slots(limits.streams_per_user, "limits.streams_per_user"),
        address_streams=Slots(limits.streams_per_address, "limits.streams_per_address"),
    )


def _rates(per_minute: int | None, setting: str) -> Rates | None:
    return None if per_minute is None else Rates(per_minute, setting=f"limits.{setting}")


def _count(counter: Rates | None, key: str) -> None:
    if counter is not None:
        counter.check(key)


@web.middleware
async def paced_addresses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts every request by its address, before looking at anything else."""
    if request.path not in PROBES:
        _count(_rates_of(request).address_requests, address_of(request))
    return await handler(request)


@web.middleware
async def paced_sign_ins(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts attempts with one-time codes before reading any of their body."""
    if request.path == SIGN_IN and request.method == hdrs.METH_POST:
        _count(_rates_of(request).sign_ins, address_of(request))
    return await handler(request)


@web.middleware
async def paced_users(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts the requests of callers with a token."""
    principal = request.get(PRINCIPAL)
    if principal is not None:
        rates = _rates_of(request)
        counter = rates.visitor_requests if principal.role == "visitor" else rates.token_requests
        _count(counter, principal.user_id)
    return await handler(request)


def allow_message(request: web.Request) -> None:
    """Call before each message. Raises `TooManyRequests`."""
    principal, parts = principal_of(request), parts_of(request)
    if principal.role == "visitor":
        parts.callers.note(principal.user_id, address_of(request))
    parts.message_rates.check(principal.user_id)


def allow_visitor(request: web.Request) -> None:
    """Call before each new visitor. Raises `TooManyRequests`."""
    _count(_rates_of(request).visitors, address_of(request))


@contextmanager
def stream_slot(request: web.Request) -> Iterator[None]:
    """Wraps a stream of events, from before its first byte. Raises `TooManyRequests` if the caller has too many."""
    rates = _rates_of(request)
    with rates.user_streams.held(principal_of(request).user_id), rates.address_streams.held(address_of(request)):
        yield


@contextmanager
def guess_counted(request: web.Request, token: str) -> Iterator[None]:
    """Wraps the check of a token. Raises `TooManyRequests` for an address that sent too many wrong ones."""
    parts = parts_of(request)
    with parts.wrong_tokens.counted(address_of(request), token, parts.authenticator.is_signed):
        yield


def address_of(request: web.Request) -> str:
    """Returns the address that limits count by: the peer's, or the one that trusted proxies name."""
    return _rates_of(request).addresses.client(request.remote, request.headers.getall(FORWARDED_FOR, ()))


def _rates_of(request: web.Request) -> ApiRates:
    return request.config_dict[RATES]
