"""The proxy breaks connections as its methods say, and counts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

import pytest
import pytest_asyncio

from tests.faults.proxy import Proxy, open_proxy

pytestmark = pytest.mark.faults
WITHIN_S = 5.0
SHORTLY_S = 0.2


@dataclass(frozen=True, slots=True)
class Client:
    """A connection through the proxy to a server that echoes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def asks(self, word: bytes) -> bytes:
        """Returns the echo; empty if the connection ends."""
        self.writer.write(word)
        async with asyncio.timeout(WITHIN_S):
            try:
                return await self.reader.read(100)
            except ConnectionError:
                return b""


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(repeat, "127.0.0.1", 0)
    async with server, open_proxy(("127.0.0.1", server.sockets[0].getsockname()[1])) as opened:
        yield opened


@pytest_asyncio.fixture
async def client(proxy: Proxy) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", proxy.number))
    assert await client.asks(b"hello") == b"hello"
    yield client
    client.writer.close()


async def test_a_cut_ends_the_connection(proxy: Proxy, client: Client) -> None:
    """It is no loss, because no client was waiting for an answer."""
    assert proxy.cuts_one(Random(1))
    assert await client.asks(b"still there?") == b""
    assert (proxy.counts.cut, proxy.counts.losses, len(proxy)) == (1, [], 0)


async def test_a_swallowed_answer_is_lost_with_its_connection(proxy: Proxy, client: Client) -> None:
    """The server did what it was asked, and the client cannot know."""
    told: list[str] = []
    proxy.swallows_next(lambda: told.append("swallowed"))
    assert told == []
    assert await client.asks(b"COMMIT") == b""
    assert told == ["swallowed"]
    assert (proxy.counts.swallowed, [loss.asked for loss in proxy.counts.losses]) == (1, [b"COMMIT"])


async def test_a_thawed_network_delivers_what_it_held_back(proxy: Proxy, client: Client) -> None:
    """Connections stay open; nothing passes until it thaws."""
    proxy.freezes()
    asking = asyncio.create_task(client.asks(b"hello"))
    done, _ = await asyncio.wait({asking}, timeout=SHORTLY_S)
    assert not done
    proxy.thaws()
    assert await asking == b"hello"


async def test_a_half_closed_connection_sends_nothing_more(proxy: Proxy, client: Client) -> None:
    """The client reads the end of the stream."""
    assert proxy.half_closes_one(Random(1))
    assert await client.asks(b"hello?") == b""
    assert proxy.counts.half_closed == 1


async def test_a_closed_proxy_refuses_connections(proxy: Proxy) -> None:
    """It refuses connections, like a port without a server."""
    proxy.closes()
    refused = Client(*await asyncio.open_connection("127.0.0.1", proxy.number))
    assert await refused.asks(b"hello") == b""
    refused.writer.close()
    assert await proxy.was_refused()


async def test_a_slow_network_delays_both_directions(proxy: Proxy, client: Client) -> None:
    """Both the request and the answer are delayed."""
    proxy.delay_s = SHORTLY_S
    begun = asyncio.get_running_loop().time()
    assert await client.asks(b"hello") == b"hello"
    assert asyncio.get_running_loop().time() - begun >= 2 * SHORTLY_S


async def test_a_server_sees_the_proxys_source_address() -> None:
    """Each gateway's calls come from its own address."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(writer.get_extra_info("peername")[0].encode())
        writer.close()

    server = await asyncio.start_server(tell, "127.0.0.1", 0)
    async with server, open_proxy(("127.0.0.1", server.sockets[0].getsockname()[1]), "127.0.0.11") as opened:
        client = Client(*await asyncio.open_connection("127.0.0.1", opened.number))
        assert await client.asks(b"who am I?") == b"127.0.0.11"
        client.writer.close()
