"""A TCP port in front of the database: closed, open, or frozen."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

from tests.world import World


class Relay:
    """A TCP port that leads to the database's socket, once it is open."""

    def __init__(self, target: str, path: str) -> None:
        self._target = target
        self._path = path
        self._open = False
        self._refused = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.number = 0

    @property
    def url(self) -> str:
        """The database's URL through this port."""
        return f"postgresql://turngate@127.0.0.1:{self.number}{self._path}"

    async def starts(self) -> None:
        """Listens, closed."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.number = self._server.sockets[0].getsockname()[1]

    async def ends(self) -> None:
        """Closes everything."""
        assert self._server is not None
        self._flows.set()
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    def opens(self) -> None:
        """Lets connections through from now on."""
        self._open = True

    def freezes(self) -> None:
        """Connections stay, and nothing passes any more, as behind a host that hangs."""
        self._flows.clear()

    async def was_refused(self) -> bool:
        """Whether somebody knocked while it was closed."""
        return self._refused > 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            self._refused += 1
            writer.close()
            return
        self._writers.append(writer)
        theirs, ours = await asyncio.open_unix_connection(self._target)
        await asyncio.gather(self._copy(reader, ours), self._copy(theirs, writer))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return
        finally:
            sink.close()


async def relay_to_database(world: World) -> Relay:
    """A port that leads to the world's database, closed at first."""
    parts = urlsplit(world.database_url)
    place = parse_qs(parts.query)
    relay = Relay(f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}", parts.path)
    await relay.starts()
    world.afterwards(relay.ends)
    return relay
