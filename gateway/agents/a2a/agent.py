"""Sends each turn to an A2A agent through the official client, and cancels its task when nobody waits for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import stamina
from a2a.client.client import Client, ClientCallContext, ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.types.a2a_pb2 import CancelTaskRequest, StreamResponse
from a2a.utils.constants import TransportProtocol
from yarl import URL

from gateway.agents.a2a.answer import Answer
from gateway.agents.a2a.faults import ERRORS, fault_of
from gateway.agents.a2a.message import request_of
from gateway.agents.a2a.network import Lookup, PinnedTransport, by_system, direct, http_client
from gateway.agents.a2a.settings import A2AAgentSettings
from gateway.agents.back_off import MOST_TRIES, BackOff, deadline
from gateway.agents.http.addresses import require_public_literal
from gateway.agents.http.faults import CutOff, Fault, Reporter, TooSlow, secrets_of
from gateway.core.events import AgentEvent
from gateway.core.model import AgentName, Turn

CHECK_S = 5.0
CANCEL_S = 5.0


@dataclass(slots=True)
class A2AAgent:
    """One agent elsewhere. `patience`: how long a turn may take, which limits the retries."""

    name: AgentName
    settings: A2AAgentSettings
    http: httpx.AsyncClient
    patience: timedelta
    reporter: Reporter
    _client: Client | None = None
    _cancelling: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        answer = Answer()
        try:
            first, responses = await self._open(turn)
            async with aclosing(responses):
                for event in answer.read(first):
                    yield event
                async for response in self._rest(responses):
                    for event in answer.read(response):
                        yield event
            if not answer.ended:
                raise CutOff("cut its answer off: its task is not complete.")
        except Fault as fault:
            raise self.reporter.of(fault) from fault
        finally:
            if answer.task_id and not answer.ended:
                self._cancel(answer.task_id)

    async def check(self) -> str:
        """Fetches the agent's card."""
        self._client = None
        try:
            async with asyncio.timeout(CHECK_S):
                await self._connected()
        except TimeoutError:
            raise self.reporter.of(TooSlow(f"did not answer within {CHECK_S:.0f} s.")) from None
        except Fault as fault:
            raise self.reporter.of(fault) from fault
        return f"{self.reporter.origin} has an agent's card"

    async def aclose(self) -> None:
        """Waits for tasks that are being cancelled, and closes the connections."""
        await asyncio.gather(*self._cancelling, return_exceptions=True)
        await self.http.aclose()

    async def _open(self, turn: Turn) -> tuple[StreamResponse, AsyncGenerator[StreamResponse, None]]:
        """Returns the answer's first piece, and the rest. Raises the `Fault` of the last try."""
        back_off = BackOff(self.name, turn, deadline(self.patience, turn.remaining_s), self.reporter.transient)
        async for attempt in stamina.retry_context(on=back_off, attempts=MOST_TRIES, timeout=None):
            with attempt:
                return await self._try(turn)
        raise AssertionError("the retries ended without a result or an error")

    async def _try(self, turn: Turn) -> tuple[StreamResponse, AsyncGenerator[StreamResponse, None]]:
        client = await self._connected()
        headers = {"Idempotency-Key": turn.idempotency_key, "X-Turngate-Attempt": str(turn.attempt)}
        responses = _stream(client, turn, ClientCallContext(service_parameters=headers))
        try:
            return await anext(responses), responses
        except StopAsyncIteration:
            raise CutOff("answered nothing.") from None
        except ERRORS as error:
            self._client = None  # it may have moved: its card is fetched again
            raise fault_of(error, begun=False) from error

    async def _rest(self, responses: AsyncGenerator[StreamResponse, None]) -> AsyncGenerator[StreamResponse, None]:
        try:
            async for response in responses:
                yield response
        except ERRORS as error:
            raise fault_of(error, begun=True) from error

    async def _connected(self) -> Client:
        """The client, made from the agent's card."""
        if self._client is None:
            bindings: list[str] = [TransportProtocol.JSONRPC, TransportProtocol.HTTP_JSON]
            factory = ClientFactory(ClientConfig(httpx_client=self.http, supported_protocol_bindings=bindings))
            try:
                self._client = await factory.create_from_url(self.settings.url)
            except ERRORS as error:
                raise fault_of(error, begun=False) from error
        return self._client

    def _cancel(self, task_id: str) -> None:
        """A task goes on without a connection, so it is cancelled beside the turn."""
        cancelling = asyncio.create_task(self._cancelled(task_id))
        self._cancelling.add(cancelling)
        cancelling.add_done_callback(self._cancelling.discard)

    async def _cancelled(self, task_id: str) -> None:
        if self._client is not None:
            with suppress(*ERRORS, Fault, TimeoutError):
                async with asyncio.timeout(CANCEL_S):
                    await self._client.cancel_task(CancelTaskRequest(id=task_id))


async def _stream(client: Client, turn: Turn, context: ClientCallContext) -> AsyncGenerator[StreamResponse, None]:
    responses = client.send_message(request_of(turn), context=context)
    try:
        async for response in responses:
            yield response
    finally:
        if isinstance(responses, AsyncGenerator):
            await responses.aclose()


def build(
    name: AgentName,
    settings: A2AAgentSettings,
    patience: timedelta,
    lookup: Lookup = by_system,
    tls: ssl.SSLContext | None = None,
) -> A2AAgent:
    """`lookup` finds addresses of host names, `tls` decides whom to trust; None: as the system does.

    Raises `SettingsError` for an internal address that the settings do not allow.
    """
    require_public_literal(name, URL(settings.url), allow_private=settings.allow_private)
    given = {header: value.get_secret_value() for header, value in settings.headers.items()}
    transport = PinnedTransport(direct(tls), lookup, settings.allow_private, settings.max_answer)
    reporter = Reporter(name, str(URL(settings.url).origin()), secrets_of(given, None))
    http = http_client(transport, given, settings.connect_s, settings.idle_s)
    return A2AAgent(name, settings, http, patience, reporter)
