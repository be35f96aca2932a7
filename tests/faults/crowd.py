"""Thousands of sockets in one process, each of which reconnects after a random wait, as the contract asks of clients."""

from __future__ import annotations

import asyncio
import random
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
import orjson

from gateway.identity.credentials import digest, new_api_token

FIRST_WAIT_S = (0.25, 3.0)
"""After a close; as the web client does it."""
READY_WITHIN_S = 10.0
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {place}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


@dataclass(frozen=True, slots=True)
class Seat:
    """A socket's user and session."""

    token: str
    session_id: str


class Wire:
    """As much of RFC 6455 as a silent client needs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def opened(cls, url: str) -> Wire:
        """A socket after its handshake. Raises `OSError`."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(HANDSHAKE.format(place=parts.netloc).encode())
            answer = await reader.readuntil(b"\r\n\r\n")
        except BaseException:
            writer.close()
            raise
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            writer.close()
            raise ConnectionRefusedError(answer.decode())
        return cls(reader, writer)

    def says(self, **frame: object) -> None:
        """Sends a text frame."""
        self._write(TEXT, orjson.dumps(frame))

    async def hears(self) -> tuple[int, bytes]:
        """Kind and content of the next frame; answers pings in between."""
        while True:
            kind, length = await self._reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack("!H", await self._reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
            content = await self._reader.readexactly(length)
            if kind & 0xF != PING:
                return kind & 0xF, content
            self._write(PONG, content)

    def ends(self) -> None:
        """Closes the connection without a close frame."""
        self._writer.close()

    def _write(self, kind: int, content: bytes) -> None:
        # A mask of zeros leaves the content as it is (RFC 6455, 5.3).
        length = bytes([0x80 | len(content)]) if len(content) < 126 else b"\xfe" + struct.pack("!H", len(content))
        self._writer.write(bytes([0x80 | kind]) + length + bytes(4) + content)


@dataclass
class Crowd:
    """One socket per seat, wherever `place` says at the time. `codes`: what sockets were closed with; 0 for none.

    `faults`: why there was none.
    """

    place: Callable[[], str]
    seats: Sequence[Seat]
    chance: random.Random
    ready: set[Seat] = field(default_factory=set)
    codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    hellos: int = 0

    def begins(self) -> asyncio.Task[None]:
        """Connects all clients, and reconnects them until the task is cancelled."""
        return asyncio.create_task(self._all())

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for seat in self.seats:
                group.create_task(self._stays(seat))

    async def _stays(self, seat: Seat) -> None:
        attempt = 0
        await asyncio.sleep(self.chance.uniform(0, FIRST_WAIT_S[1]))
        while True:
            code = await self._visits(seat)
            self.codes[code] += 1
            attempt = 1 if seat in self.ready else attempt + 1
            self.ready.discard(seat)
            least, most = FIRST_WAIT_S
            await asyncio.sleep(self.chance.uniform(least, most * attempt))

    async def _visits(self, seat: Seat) -> int:
        """Connects and stays until the socket closes; returns its close code."""
        wire = None
        try:
            async with asyncio.timeout(READY_WITHIN_S) as limit:
                wire = await Wire.opened(self.place())
                self.hellos += 1
                wire.says(type="hello", token=seat.token, session_id=seat.session_id, after=0)
                while True:
                    kind, content = await wire.hears()
                    if kind == CLOSE:
                        return int(struct.unpack("!H", content[:2])[0]) if content else 0
                    if b'"ready"' in content:
                        self.ready.add(seat)
                        limit.reschedule(None)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.faults[type(error).__name__] += 1
            return 0
        finally:
            if wire is not None:
                wire.ends()


async def seats(database_url: str, count: int) -> list[Seat]:
    """Creates that many users, with a token and a session each, directly in the database."""
    connection = await asyncpg.connect(database_url)
    try:
        tokens = [new_api_token() for _ in range(count)]
        await connection.executemany(
            "INSERT INTO api_tokens (user_id, digest, role) VALUES ($1, $2, 'user')",
            [(f"guest-{number}", digest(token)) for number, token in enumerate(tokens)],
        )
        rows = await connection.fetch(
            "INSERT INTO chat_sessions (user_id, channel, agent_name, route)"
            " SELECT 'guest-' || n, 'web', 'assistant', 'web:assistant' FROM generate_series(0, $1 - 1) AS n"
            " RETURNING user_id, session_id",
            count,
        )
        sessions = {row["user_id"]: row["session_id"] for row in rows}
        return [Seat(token, sessions[f"guest-{number}"]) for number, token in enumerate(tokens)]
    finally:
        await connection.close()
