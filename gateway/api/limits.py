"""How often one may write, sign in, or come as a new visitor."""

from __future__ import annotations

from aiohttp import web

from gateway.api.parts import RATES, ApiRates, principal_of
from gateway.config import Limits
from gateway.core.rates import Rates

SIGN_INS_PER_MINUTE = 10


def api_rates(limits: Limits) -> ApiRates:
    """Fresh counters."""
    return ApiRates(
        sign_ins=Rates(SIGN_INS_PER_MINUTE),
        visitors=_rates(limits.visitors_per_minute),
        visitor_messages=_rates(limits.visitor_messages_per_minute),
        token_messages=_rates(limits.token_messages_per_minute),
    )


def _rates(per_minute: int | None) -> Rates | None:
    return None if per_minute is None else Rates(per_minute)


def allow_message(request: web.Request) -> None:
    """Before each message. Raises `TooManyRequests`."""
    principal = principal_of(request)
    rates = request.config_dict[RATES]
    counter = rates.visitor_messages if principal.role == "visitor" else rates.token_messages
    if counter is not None:
        counter.check(principal.user_id)


def allow_visitor(request: web.Request) -> None:
    """Before each new visitor. Raises `TooManyRequests`."""
    counter = request.config_dict[RATES].visitors
    if counter is not None:
        counter.check(_address(request))


def allow_sign_in(request: web.Request) -> None:
    """Before each try of a code. Raises `TooManyRequests`."""
    request.config_dict[RATES].sign_ins.check(_address(request))


def _address(request: web.Request) -> str:
    """The peer's address; what proxies say about theirs can be forged (OWASP ASVS 5.0, 4.1.3)."""
    return request.remote or ""
