"""Handles `Expect` before a body is read (RFC 9110, section 10.1.1)."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web

from gateway.api.openai.errors import openai_errors
from gateway.api.requests.problems import problem

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def with_expectations(routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """Returns the same routes; refused expectations are reported like other problems."""
    return [
        web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": meet})
        for route in routes
    ]


async def meet(request: web.Request) -> web.StreamResponse | None:
    """Tells a waiting client to continue. Nothing else can be expected, and HTTP/1.0 has no such header."""
    if request.version < HttpVersion11:
        return None
    if request.headers[hdrs.EXPECT].lower() != "100-continue":
        return await openai_errors(request, _refuse)
    await request.writer.write(CONTINUE)
    request.writer.output_size = 0  # the response itself has not started, as in aiohttp's own handler
    return None


async def _refuse(_request: web.Request) -> web.StreamResponse:
    return problem(
        HTTPStatus.EXPECTATION_FAILED, "Only 100-continue is supported. Send the request without the Expect header."
    )
