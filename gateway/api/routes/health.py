"""`/healthz`, `/readyz` and `/metrics`, for operators."""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from gateway.api.models.health import Check, Health, Readiness
from gateway.api.parts import parts_of
from gateway.api.requests.guard import identify
from gateway.api.responses.answers import answer
from gateway.api.route import TEXT, route
from gateway.api.settings import ApiSettings
from gateway.errors import Forbidden

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


@route("GET", "/healthz", "Health", caller="anyone", answer=Health, validate=False)
async def healthz(_request: web.Request) -> web.Response:
    """Returns 200 while the process is running."""
    return answer(Health(status="ok"))


@route(
    "GET",
    "/readyz",
    "Health",
    caller="anyone",
    answer=Readiness,
    statuses=(HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE),
    validate=False,
)
async def readyz(request: web.Request) -> web.Response:
    """Returns 200 if the gateway can serve, otherwise what prevents it."""
    readiness = await parts_of(request).readiness()
    shown = Readiness(status="ready" if readiness.ok else "not ready", checks=tuple(map(Check.of, readiness.checks)))
    return answer(shown, HTTPStatus.OK if readiness.ok else HTTPStatus.SERVICE_UNAVAILABLE)


@route("GET", "/metrics", "Health", caller="local", media=(TEXT,), validate=False)
async def metrics(request: web.Request) -> web.Response:
    """Returns metrics in Prometheus' text format; for this machine, and for operators."""
    if not is_local(request):
        principal = await identify(request)
        if principal.role != "operator":
            raise Forbidden("Metrics are for operators.")
    await parts_of(request).measure()
    return web.Response(body=generate_latest(REGISTRY), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})


def is_local(request: web.Request) -> bool:
    """Whether the request comes from this machine; requests forwarded by a proxy on it don't count.

    Neither does a request that names another host: it comes from a page whose name was made to resolve to this machine (DNS rebinding).
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    return _is_loopback(request.remote or "") and _names_this_machine(request.host, parts_of(request).settings)


def _names_this_machine(host: str, settings: ApiSettings) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    configured = {settings.host, urlsplit(settings.public_url or "").hostname}
    return name == "localhost" or name in configured or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
