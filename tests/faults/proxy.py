"""A TCP port in front of the database or the Bot API that breaks connections as real networks do.

Each connection through it is a `Link`. What it did is counted; for HTTP also which requests lost their answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

PIECE = 65_536
KEPT = 2048
"""Bytes kept of a request that has no answer yet: enough for the head of a `sendMessage` and the chat in its body."""

Target = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A connection that was cut while the client waited for an answer. `asked`: the request's first bytes."""

    at: float
    asked: bytes


@dataclass(slots=True)
class Counts:
    """What a proxy has done so far."""

    connections: int = 0
    refused: int = 0
    cut: int = 0
    half_closed: int = 0
    swallowed: int = 0
    losses: list[Loss] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Link:
    """One connection with its client and server sides. `asked`: the client's bytes since the last response."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    asked: bytes = b""
    swallows: bool = False

    def end(self) -> None:
        for side in (self.client, self.server):
            side.transport.abort()


def _nobody() -> None:
    """Ignores the event."""


class Proxy:
    """A port that forwards to `target`, closed at first. The target sees connections from the address `source`."""

    def __init__(self, target: Target, source: str | None = None) -> None:
        self._target = target
        self._source = source
        self._is_open = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._links: set[Link] = set()
        self._swallows = False
        self._told = _nobody
        self._listener: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.number = 0
        """The port."""
        self.delay_s = 0.0
        """Seconds by which each piece of data is late, in both directions."""
        self.counts = Counts()

    def __len__(self) -> int:
        """The number of connections."""
        return len(self._links)

    async def starts(self) -> None:
        """Starts, closed."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.number = self._listener.sockets[0].getsockname()[1]

    async def ends(self) -> None:
        """Closes everything."""
        assert self._listener is not None
        self._listener.close()
        self.heals()
        self.cuts_all()
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def opens(self) -> None:
        """Accepts connections from now on."""
        self._is_open = True

    def closes(self) -> None:
        """Accepts no new connections; existing ones stay."""
        self._is_open = False

    def leads_to(self, target: Target) -> None:
        """New connections go to that target; existing ones stay where they are."""
        self._target = target

    def freezes(self) -> None:
        """Connections stay, but carry no more data, as with a hung host."""
        self._flows.clear()

    def thaws(self) -> None:
        """Forwards the delayed data."""
        self._flows.set()

    def heals(self) -> None:
        """Ends every fault."""
        self.delay_s = 0.0
        self._swallows = False
        for link in self._links:
            link.swallows = False
        self._flows.set()

    async def was_refused(self) -> bool:
        """Whether a client tried to connect while it was closed."""
        return self.counts.refused > 0

    def cuts_all(self) -> int:
        """Cuts every connection; returns their number."""
        links = tuple(self._links)
        for link in links:
            self._cut(link)
        return len(links)

    def cuts_one(self, luck: Random) -> bool:
        """Cuts one connection, if there is any."""
        link = self._any(luck)
        if link is not None:
            self._cut(link)
        return link is not None

    def half_closes_one(self, luck: Random) -> bool:
        """Ends the server's side of one connection; the client may still send."""
        link = self._any(luck)
        if link is None or not link.client.can_write_eof():
            return False
        self.counts.half_closed += 1
        with suppress(OSError, RuntimeError):
            link.client.write_eof()
        # Later data of the server is discarded.
        link.swallows = True
        return True

    def swallows_next(self, told: Callable[[], None] = _nobody) -> None:
        """The next answer of the server on any connection is lost, and its connection cut: an ambiguous commit.

        `told`: called when that has happened.
        """
        self._swallows = True
        self._told = told

    def _any(self, luck: Random) -> Link | None:
        links = sorted(self._links, key=id)
        return luck.choice(links) if links else None

    def _cut(self, link: Link) -> None:
        self.counts.cut += 1
        if link.asked:
            self.counts.losses.append(Loss(time.time(), link.asked))
        self._links.discard(link)
        link.end()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._carry(reader, writer)
        finally:
            self._serving.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_open:
            self.counts.refused += 1
            return
        try:
            answers, server = await self._connect()
        except OSError:
            self.counts.refused += 1
            return
        self.counts.connections += 1
        link = Link(writer, server)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._copy(reader, server, lambda data: self._asked(link, data)),
                self._copy(answers, writer, lambda data: self._answered(link, data)),
            )
        finally:
            self._links.discard(link)
            link.end()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        source = None if self._source is None else (self._source, 0)
        return await asyncio.open_connection(*self._target, local_addr=source)

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, passes: Callable[[bytes], bool]
    ) -> None:
        with suppress(OSError):
            while data := await source.read(PIECE):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flows.wait()
                if sink.is_closing() or not passes(data):
                    return
                sink.write(data)
                await sink.drain()
        if not sink.is_closing():
            sink.close()

    def _asked(self, link: Link, data: bytes) -> bool:
        link.asked += data[: KEPT - len(link.asked)]
        return True

    def _answered(self, link: Link, data: bytes) -> bool:
        """Whether the response may pass."""
        if not (self._swallows or link.swallows):
            link.asked = b""
            return True
        self._swallows = link.swallows and self._swallows
        self.counts.swallowed += 1
        self._cut(link)
        if not link.swallows:
            self._told()
        return False


@asynccontextmanager
async def open_proxy(target: Target, source: str | None = None) -> AsyncIterator[Proxy]:
    """A proxy that lets everything through."""
    proxy = Proxy(target, source)
    await proxy.starts()
    proxy.opens()
    try:
        yield proxy
    finally:
        await proxy.ends()
