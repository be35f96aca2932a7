"""HTTP as raw bytes, for things that clients hide: bytes after a response, and requests that no client sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.world import Person


@dataclass(frozen=True, slots=True)
class Answer:
    """All bytes until the connection closed."""

    status: int
    headers: dict[str, str]
    rest: bytes

    def problem(self) -> str:
        """The fields of its problem document."""
        assert self.headers["content-type"] == "application/problem+json", self
        document: dict[str, Any] = json.loads(self.rest)
        assert document["status"] == self.status
        return str(document["detail"])


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a gateway."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=65_536)
    try:
        yield reader, writer
    finally:
        writer.close()


def request(person: Person, line: str, body: bytes = b"", **headers: str) -> bytes:
    """The last request of a connection. Underscores in header names stand for hyphens."""
    told = {"Host": "gateway", "Authorization": f"Bearer {person.token}", "Connection": "close"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        told["Content-Length"] = str(len(body))
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def exchange(person: Person, line: str, body: bytes = b"", **headers: str) -> Answer:
    """Sends a request and reads until the gateway closes."""
    async with connected(person.url) as (reader, writer):
        writer.write(request(person, line, body, **headers))
        async with asyncio.timeout(10):
            told = await reader.read(-1)
    head, _, rest = told.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), {name.lower(): value for name, value in pairs}, rest)
