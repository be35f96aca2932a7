"""Processes that end, and people who send again until somebody acknowledges."""

from __future__ import annotations

import aiohttp

from tests.world import Frame, Person, Process, World


async def insists(person: Person, urls: list[str], text: str, key: str) -> Frame:
    """Sends a message as a good client does: again, from gateway to gateway, until it is acknowledged."""
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
    raise AssertionError("nobody acknowledged it")


async def has_ended(process: Process) -> bool:
    """Whether the process is gone."""
    return process.process.returncode is not None


async def all_sent(world: World) -> bool:
    """Whether there is a reply to send, and all of it was sent."""
    return [row["state"] for row in await world.rows("SELECT DISTINCT state FROM outbox")] == ["sent"]
