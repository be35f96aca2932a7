"""Connections that hold a place without using it are dropped; slow ones are not."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.integration.http.raw_http import connected, request
from tests.world import Process, World, eventually

SILENT = 400
LOW_SOFT_LIMIT = ("sh", "-c", 'ulimit -S -n 240; exec "$@"', "sh")
FEW_FILES = ("sh", "-c", 'ulimit -n 240; exec "$@"', "sh")


async def head_and_body(reader: asyncio.StreamReader) -> str:
    """The gateway's response, until it closes the connection."""
    async with asyncio.timeout(20):
        return (await reader.read(-1)).decode()


async def test_silent_connections_do_not_block_others(world: World) -> None:
    """400 of them, to a process that may open 240 files; one line of the log names the problem."""
    gateway = await world.process_under(FEW_FILES, "gateway", {})
    async with AsyncExitStack() as silent:
        for _ in range(SILENT):
            await silent.enter_async_context(connected(gateway.url))
        http = await world.http()

        async def healthy() -> bool:
            # Of a crowd that arrives at once, some are refused.
            with suppress(aiohttp.ClientConnectionError):
                async with http.get(f"{gateway.url}/healthz") as answer:
                    return answer.ok
            return False

        async with asyncio.timeout(10):
            assert await eventually(healthy)

        async def told() -> bool:
            return any(event["full"] > SILENT / 4 for event in dropped(gateway))

        await eventually(told)


async def test_a_silent_socket_makes_no_room(world: World) -> None:
    """It is in use, however long ago its hello was: connections between two requests are closed instead."""
    gateway = await world.process_under(FEW_FILES, "gateway", {})
    socket = await (await world.person("ann", gateway.url)).connects()
    async with AsyncExitStack() as idle:
        for _ in range(SILENT):
            reader, writer = await idle.enter_async_context(connected(gateway.url))
            writer.write(f"GET /healthz HTTP/1.1\r\nHost: {urlsplit(gateway.url).netloc}\r\n\r\n".encode())
            await reader.readuntil(b"}")
        await socket.says(type="ping")
        await socket.hears("pong")


async def test_the_file_limit_is_raised(world: World) -> None:
    """With a low soft limit of the shell and a higher hard limit, all connections are served."""
    gateway = await world.process_under(LOW_SOFT_LIMIT, "gateway", {})
    async with AsyncExitStack() as silent:
        for _ in range(SILENT):
            await silent.enter_async_context(connected(gateway.url))
        http = await world.http()
        async with asyncio.timeout(10), http.get(f"{gateway.url}/healthz") as answer:
            assert answer.status == 200
    assert dropped(gateway) == []


def dropped(gateway: Process) -> list[dict[str, int]]:
    """The log's lines about dropped connections."""
    events = [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith("{")]
    return [event for event in events if event["event"] == "connections_dropped"]


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: gate"])
async def test_a_missing_header_is_not_waited_for(said: bytes, world: World) -> None:
    """The connection closes, whether none or half of it came."""
    gateway = await world.gateway(limits={"header_s": 0.3})
    async with connected(gateway.url) as (reader, writer):
        writer.write(said)
        assert await head_and_body(reader) == ""


async def test_a_missing_body_is_not_waited_for(world: World) -> None:
    """The response is 400."""
    gateway = await world.gateway(limits={"body_s": 0.3})
    ann = await world.person("ann", gateway.url)
    async with connected(gateway.url) as (reader, writer):
        writer.write(request(ann, "POST /api/chat/sessions", Content_Length="100") + b'{"title": ')
        async with asyncio.timeout(20):
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert answer.startswith("HTTP/1.1 400 ")


async def test_a_large_body_gets_no_extra_time(world: World) -> None:
    """One that stalls near its end does not stay in memory for the time its size would allow."""
    gateway = await world.gateway(limits={"body_s": 0.3, "body_rate": 1})
    ann = await world.person("ann", gateway.url)
    async with connected(gateway.url) as (reader, writer):
        writer.write(request(ann, "POST /api/chat/sessions", Content_Length="10000") + b" " * 9_000)
        async with asyncio.timeout(20):
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert answer.startswith("HTTP/1.1 400 ")


async def test_a_slow_body_is_waited_for(world: World) -> None:
    """As long as it arrives at the minimum rate."""
    gateway = await world.gateway(limits={"header_s": 1, "body_s": 1, "body_rate": 1})
    ann = await world.person("ann", gateway.url)
    body = json.dumps({"title": "slow but honest, for longer than the deadline"}).encode()
    async with connected(gateway.url) as (reader, writer):
        writer.write(request(ann, "POST /api/chat/sessions", Content_Length=str(len(body))))
        for byte in range(0, len(body), 3):
            writer.write(body[byte : byte + 3])
            await asyncio.sleep(0.1)
        assert (await head_and_body(reader)).startswith("HTTP/1.1 201 ")


async def test_connections_in_use_are_not_closed(world: World) -> None:
    """A silent socket, a request with a slow answer, and a connection between two requests."""
    gateway = await world.gateway(limits={"header_s": 1})
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    session = await ann.posts("/api/chat/sessions", 201)
    host = urlsplit(gateway.url).netloc
    healthz = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    async with connected(gateway.url) as (reader, writer):
        writer.write(healthz)
        await reader.readuntil(b"}")
        await ann.posts(f"/api/chat/sessions/{session['session_id']}/messages", 200, text="wait 2 seconds", id="m1")
        writer.write(healthz)
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
    await socket.says(type="ping")
    await socket.hears("pong")


async def test_public_routes_check_limits_before_reading_a_body(world: World) -> None:
    """One try too many is refused at its header, and bodies are limited to a few kilobytes."""
    gateway = await world.gateway(limits={"sign_ins_per_minute": 1})
    unfinished = b"POST /api/sign-in HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000\r\n\r\n{"
    for status in (413, 429):
        async with connected(gateway.url) as (reader, writer):
            writer.write(unfinished)
            async with asyncio.timeout(5):
                assert (await reader.readline()).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    "said", [b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n", b"nonsense\r\n\r\n"]
)
async def test_the_server_header_names_no_version(said: bytes, world: World) -> None:
    """Neither in normal responses nor in those to invalid HTTP."""
    gateway = await world.gateway()
    async with connected(gateway.url) as (reader, writer):
        writer.write(said)
        assert "\r\nServer: turngate\r\n" in await head_and_body(reader)
