"""A proxy between a gateway and a world's database, for tests where the database is away."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from tests.faults.proxy import Proxy
from tests.world import World


class Relay(Proxy):
    """A TCP port that leads to the database's socket, once it is open."""

    def __init__(self, target: str, path: str) -> None:
        super().__init__(target)
        self._path = path

    @property
    def url(self) -> str:
        """The database's URL through this port."""
        return f"postgresql://turngate@127.0.0.1:{self.number}{self._path}"


async def relay_to_database(world: World) -> Relay:
    """A port that leads to the world's database, closed at first."""
    parts = urlsplit(world.database_url)
    place = parse_qs(parts.query)
    relay = Relay(f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}", parts.path)
    await relay.starts()
    world.afterwards(relay.ends)
    return relay
