"""A channel of an installed package receives messages through the webhooks that it declares."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from gateway.app.running.serve import Running
from tests.integration.http.raw_http import connected
from tests.packages import Site
from tests.world import World, eventually

PIGEONS = """
import asyncio
import hmac
import json

from turngate import *


class Settings(ChannelSettings):
    loft: str


class Pigeons:
    name = ChannelName("pigeon")
    status = ChannelStatus("ready", "")

    def __init__(self, settings, parts):
        self._settings, self._parts = settings, parts

    def webhooks(self):
        return [
            Webhook("POST", "/webhooks/pigeon/letters", self.take, admits=self.knows, max_body=1_000),
            Webhook("GET", "/webhooks/pigeon", self.greet),
        ]

    def knows(self, headers):
        return hmac.compare_digest(headers.get("x-loft", "").encode(), self._settings.loft.encode())

    async def take(self, request):
        letter = json.loads(request.body)
        if letter["text"] == "storm":
            raise StoreUnavailable("Nothing was kept.")
        address = Address(f"pigeon:loft:{letter['from']}:0")
        await self._parts.intake.accept(
            InboundMessage(
                user_id=self._parts.links.unlinked_user(self.name, letter["from"]),
                channel=self.name,
                agent=self._parts.agents[0],
                text=letter["text"],
                key=letter["id"],
                route=Route(address),
                account=letter["from"],
            )
        )
        return WebhookResponse(202)

    async def greet(self, request):
        return WebhookResponse(body=request.query.encode(), headers={"Content-Type": "text/plain", "X-Loft": "north"})

    def render(self, content):
        return [Chunk(content)]

    async def ready(self, address): ...
    async def deliver(self, address, chunk, may_leave): ...
    async def typing(self, address): ...
    async def close(self): ...

    async def run(self):
        await asyncio.Event().wait()


KIND = ChannelKind(Settings, Pigeons)
"""
LETTER = {"id": "l1", "from": "ann", "text": "hello"}
LETTERS, NORTH = "/webhooks/pigeon/letters", {"X-Loft": "north"}


@pytest.fixture
async def gateway(world: World, site: Site) -> Running:
    site.install("pigeons", PIGEONS)
    return await world.gateway(channels={"pigeon": {"loft": "north"}})


async def _called(
    world: World, gateway: Running, method: str, path: str, **options: Any
) -> tuple[aiohttp.ClientResponse, str]:
    http = await world.http()
    async with http.request(method, gateway.url + path, **options) as response:
        return response, await response.text()


async def test_a_message_arrives_by_webhook(world: World, gateway: Running) -> None:
    """It is durable before the caller gets its response, and a repeated call changes nothing."""
    for _ in range(2):
        response, _ = await _called(world, gateway, "POST", LETTERS, json=LETTER, headers=NORTH)
        assert response.status == 202
    [asked] = await world.rows("SELECT content, user_id, channel FROM chat_messages WHERE role = 'user'")
    assert tuple(asked.values()) == ("hello", "visitor:pigeon:ann", "pigeon")
    await eventually(lambda: world.rows("SELECT 1 FROM chat_messages WHERE role = 'assistant'"))


async def test_a_stranger_is_refused_before_the_body_is_read(world: World, gateway: Running) -> None:
    """403, although the body exceeds the limit; an admitted caller gets 413."""
    long = b"x" * 1_001
    refused, _ = await _called(world, gateway, "POST", LETTERS, data=long, headers={"X-Loft": "south"})
    too_long, _ = await _called(world, gateway, "POST", LETTERS, data=long, headers=NORTH)
    assert (refused.status, too_long.status) == (403, 413)


async def test_invalid_utf8_admits_nobody(gateway: Running) -> None:
    """A secret with an invalid byte is a wrong secret, not an error of the channel."""
    async with connected(gateway.url) as (reader, writer):
        writer.write(f"POST {LETTERS} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n".encode())
        writer.write(b"X-Loft: north\xff\r\n\r\n")
        async with asyncio.timeout(10):
            assert b" 403 " in await reader.readline()


async def test_a_webhook_reads_the_query_and_sets_headers(world: World, gateway: Running) -> None:
    """For networks that verify an address by a challenge; other methods are refused with `Allow`."""
    response, text = await _called(world, gateway, "GET", "/webhooks/pigeon?challenge=a%20b")
    assert (response.status, text, response.headers["X-Loft"]) == (200, "challenge=a%20b", "north")
    response, _ = await _called(world, gateway, "POST", "/webhooks/pigeon")
    assert (response.status, response.headers["Allow"]) == (405, "GET,OPTIONS")


@pytest.mark.parametrize(("body", "status", "again"), [('{"text": "storm"}', 503, "2"), ("no JSON", 500, None)])
async def test_webhook_errors_are_problems(
    world: World, gateway: Running, body: str, status: int, again: str | None
) -> None:
    """An unavailable store asks for a retry; an unexpected error reveals nothing to the caller."""
    response, text = await _called(world, gateway, "POST", LETTERS, data=body, headers=NORTH)
    assert (response.status, response.headers.get("Retry-After")) == (status, again)
    assert response.content_type == "application/problem+json"
    assert "JSONDecodeError" not in text
