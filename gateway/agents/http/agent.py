"""Sends each turn to a server, and passes on what it answers while it does; retries while nothing has been answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

import stamina
from pydantic import ValidationError
from standardwebhooks import Webhook

from gateway.agents.back_off import MOST_TRIES, BackOff, deadline
from gateway.agents.http import request as own_request
from gateway.agents.http.addresses import require_public_literal
from gateway.agents.http.ag_ui import request as ag_ui_request
from gateway.agents.http.faults import Fault, Reporter, TooSlow, malformed, secrets_of
from gateway.agents.http.reading import events_of
from gateway.agents.http.request import headers_of
from gateway.agents.http.server import JSON, STREAM, Answering, Server
from gateway.agents.http.settings import HttpAgentSettings
from gateway.core.events import AgentEvent
from gateway.core.model import AgentName, Turn
from turngate import __version__

CHECK_S = 5.0
HEADERS: Mapping[str, str] = {
    "Accept": f"{STREAM}, {JSON}",
    "Accept-Encoding": "identity",  # what is compressed may grow without limit
    "Content-Type": JSON,
    "User-Agent": f"turngate/{__version__}",
}


Body = Callable[[Turn, float], bytes]
"""Makes the body of a request from the turn and its remaining seconds."""
BODIES: Mapping[str, Body] = {"turngate": own_request.body_of, "ag_ui": ag_ui_request.body_of}


@dataclass(slots=True)
class HttpAgent:
    """One server. `patience`: how long a turn may take, which limits the retries."""

    name: AgentName
    server: Server
    patience: timedelta
    body: Body
    headers: Mapping[str, str] = field(repr=False)
    webhook: Webhook | None = field(repr=False)
    reporter: Reporter

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        try:
            answering = await self._open(turn)
            try:
                async with aclosing(events_of(answering, turn)) as events:
                    async for event in events:
                        yield event
            finally:
                answering.close()
        except ValidationError as error:
            raise self.reporter.of(malformed(error)) from error
        except Fault as fault:
            raise self.reporter.of(fault) from fault

    async def check(self) -> str:
        """Asks for the headers of the URL, once, to check that the server can be reached."""
        try:
            async with asyncio.timeout(CHECK_S):
                await self.server.touch(self.headers)
        except TimeoutError:
            raise self.reporter.of(TooSlow(f"did not answer within {CHECK_S:.0f} s.")) from None
        except Fault as fault:
            raise self.reporter.of(fault) from fault
        return f"{self.reporter.origin} answers"

    async def aclose(self) -> None:
        """Closes the connections to the server."""
        await self.server.close()

    async def _open(self, turn: Turn) -> Answering:
        """Returns the answer once it has begun. Raises the `Fault` of the last try."""
        until = deadline(self.patience, turn.remaining_s)
        ends = time.monotonic() + min(self.patience.total_seconds(), turn.remaining_s)
        back_off = BackOff(self.name, turn, until, self.reporter.transient)
        async for attempt in stamina.retry_context(on=back_off, attempts=MOST_TRIES, timeout=None):
            with attempt:
                body = self.body(turn, ends - time.monotonic())
                return await self.server.post(body, {**self.headers, **headers_of(turn, body, self.webhook)})
        raise AssertionError("the retries ended without a result or an error")


def build(name: AgentName, settings: HttpAgentSettings, patience: timedelta, server: Server | None = None) -> HttpAgent:
    """Raises `SettingsError` for an internal address that the settings do not allow."""
    server = server or Server(settings)
    require_public_literal(name, server.url, allow_private=settings.allow_private)
    given = {header: value.get_secret_value() for header, value in settings.headers.items()}
    secret = settings.secret.get_secret_value() if settings.secret else None
    reporter = Reporter(name, str(server.url.origin()), secrets_of(given, secret))
    webhook = Webhook(secret) if secret else None
    return HttpAgent(name, server, patience, BODIES[settings.request], {**HEADERS, **given}, webhook, reporter)
