"""Resends messages until a gateway acknowledges them, and waits for processes to end."""

from __future__ import annotations

import aiohttp

from tests.world import Frame, Person, Process, World


async def sends_until_acknowledged(person: Person, urls: list[str], text: str, key: str) -> Frame:
    """Resends a message, from gateway to gateway, until one acknowledges it."""
    for url in urls * 3:
        person.url = url
        try:
            socket = await person.connects()
        except (AssertionError, TimeoutError, aiohttp.ClientError):
            continue
        try:
            await socket.says(type="send", id=key, text=text)
            while (frame := await socket.hears_next(within=3))["type"] not in {"ack", "error"}:
                pass
            if frame["type"] == "ack":
                return frame
        except (AssertionError, TimeoutError, aiohttp.ClientError):
            pass
        socket.drops()
    raise AssertionError("no gateway acknowledged the message")


async def has_ended(process: Process) -> bool:
    """Whether the process has ended."""
    return process.process.returncode is not None


async def all_sent(world: World) -> bool:
    """Whether the outbox holds chunks, and all of them are sent."""
    return [row["state"] for row in await world.rows("SELECT DISTINCT state FROM outbox")] == ["sent"]
