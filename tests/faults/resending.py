"""Resends messages until a gateway acknowledges them, and waits for processes to end."""

from __future__ import annotations

import aiohttp

from tests.world import Frame, Person, Process, World, eventually


async def sends_until_acknowledged(person: Person, urls: list[str], text: str, key: str) -> Frame:
    """Resends a message, from gateway to gateway, until one acknowledges it."""
    for url in urls * 3:
        if frame := await sends_to(person, url, text, key):
            return frame
    raise AssertionError("no gateway acknowledged the message")


async def sends_until_it_dies(person: Person, dying: Process, text: str, key: str) -> None:
    """Resends a message to a gateway that will die, until it acknowledges it or has ended.

    A busy machine can make such a gateway miss its heartbeats, and then it refuses messages for a moment.
    """

    async def acknowledged_or_ended() -> bool:
        return await has_ended(dying) or bool(await sends_to(person, dying.url, text, key))

    await eventually(acknowledged_or_ended)


async def sends_to(person: Person, url: str, text: str, key: str) -> Frame | None:
    """The acknowledgement of a message by that gateway, if it gives one."""
    person.url = url
    try:
        socket = await person.connects()
    except (AssertionError, TimeoutError, aiohttp.ClientError):
        return None
    try:
        await socket.says(type="send", id=key, text=text)
        while (frame := await socket.hears_next(within=3))["type"] not in {"ack", "error"}:
            pass
        if frame["type"] == "ack":
            return frame
    except (AssertionError, TimeoutError, aiohttp.ClientError):
        pass
    socket.drops()
    return None


async def has_ended(process: Process) -> bool:
    """Whether the process has ended."""
    return process.process.returncode is not None


async def all_sent(world: World) -> bool:
    """Whether the outbox holds chunks, and all of them are sent."""
    return [row["state"] for row in await world.rows("SELECT DISTINCT state FROM outbox")] == ["sent"]
