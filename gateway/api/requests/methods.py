"""Methods that a path does not support, and `OPTIONS`: both responses have `Allow` (RFC 9110, sections 9.3.7 and 15.5.6)."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler


@web.middleware
async def methods(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Responds before authentication: which methods a path supports is public in `/openapi.json`."""
    refusal = request.match_info.http_exception
    if not isinstance(refusal, web.HTTPMethodNotAllowed):
        return await handler(request)
    allowed = {*refusal.allowed_methods, hdrs.METH_OPTIONS}
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={hdrs.ALLOW: ",".join(sorted(allowed))})
    raise web.HTTPMethodNotAllowed(request.method, allowed)
