"""The webhooks that networks declare, as routes: who may come in, and the body, are looked at before the network sees a call."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

from gateway.api.requests.bodies import read_body
from gateway.core.limits.settings import Limits
from gateway.core.ports.webhooks import Webhook, WebhookRequest
from gateway.errors import Forbidden

NOT_ADMITTED = "This webhook does not know the caller: its secret or signature is missing or wrong."


def route_of(hook: Webhook, limits: Limits) -> web.RouteDef:
    """The route of a webhook; `GET` answers no `HEAD`."""

    async def answer(request: web.Request) -> web.Response:
        headers = _combined(request)
        # Anything but True, such as a coroutine, admits nobody.
        if hook.admits(headers) is not True:
            raise Forbidden(NOT_ADMITTED)
        body = await read_body(request, limits, hook.max_body)
        response = await hook.handle(WebhookRequest(headers, request.rel_url.raw_query_string, body))
        return web.Response(status=response.status, body=response.body, headers=dict(response.headers))

    return web.RouteDef(hook.method, hook.path, answer, {"allow_head": False} if hook.method == hdrs.METH_GET else {})


def _combined(request: web.Request) -> Mapping[str, str]:
    """Joins headers that come several times to one list (RFC 9110, section 5.2), as text that can be encoded again."""
    return {name.lower(): _text(", ".join(request.headers.getall(name))) for name in request.headers}


def _text(value: str) -> str:
    """Replaces bytes that are not UTF-8: the HTTP library passes them on as halves of surrogate pairs."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
