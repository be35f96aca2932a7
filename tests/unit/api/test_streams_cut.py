"""Event streams that cannot be finished."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import aiohttp
import pytest
import structlog
from aiohttp import web

from gateway.api.requests.problems import problems
from gateway.api.responses.streaming import PACE, Pace, stream
from gateway.core.model import JsonObject
from gateway.errors import GatewayError, StoreUnavailable

Batches = AsyncGenerator[Sequence[JsonObject]]


async def breaks(error: Exception, *before: JsonObject) -> Batches:
    """Yields the given chunks, if any, and fails."""
    for chunk in before:
        yield (chunk,)
    raise error


def answering(batches: Callable[[], Batches]) -> web.Application:
    """An application whose only route streams that."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await stream(request, batches())

    app = web.Application(middlewares=[problems])
    app[PACE] = Pace(time.monotonic, 30)
    app.router.add_get("/", handle)
    return app


@pytest.fixture
async def served() -> AsyncGenerator[Callable[[web.Application], Awaitable[str]]]:
    """Serves applications; returns their URLs."""
    runners: list[web.AppRunner] = []

    async def serve(app: web.Application) -> str:
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/"

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize(("error", "level"), [(StoreUnavailable("away"), "warning"), (RuntimeError("a bug"), "error")])
async def test_a_stream_that_is_cut_is_not_complete(
    served: Callable[[web.Application], Awaitable[str]], error: GatewayError | RuntimeError, level: str
) -> None:
    """The connection is closed without a second response; the log says which error it was."""
    url = await served(answering(lambda: breaks(error, {"type": "start"})))
    with structlog.testing.capture_logs() as logged:
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
    assert [(entry["event"], entry["log_level"]) for entry in logged] == [("stream_cut_off", level)]
