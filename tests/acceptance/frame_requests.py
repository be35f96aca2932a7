"""Sockets that ask for other users' objects."""

from __future__ import annotations

import json

import aiohttp

from gateway.app.running.serve import Running
from tests.acceptance.user_data import (
    SESSIONS,
    headers_of,
    signed_in,
    things_of,
    visitor,
)
from tests.world import Person, Socket, World


async def someone(role: str, world: World, gateway: Running) -> Person:
    return await (visitor(world, gateway) if role == "visitor" else signed_in(world, gateway, "bob"))


async def until_pong(socket: Socket) -> list[str]:
    """The frames before the answer to a ping, as they arrived."""
    await socket.says(type="ping")
    heard: list[str] = []
    while True:
        message = await socket.socket.receive(20)
        assert message.type is aiohttp.WSMsgType.TEXT, (message, heard)
        if json.loads(message.data)["type"] == "pong":
            return heard
        heard.append(message.data)


async def keeps_refused_watches_silent(role: str, world: World, gateway: Running) -> None:
    """P-5: bob receives neither ann's later messages nor that she has a session."""
    ann, bob = await signed_in(world, gateway, "ann"), await someone(role, world, gateway)
    things = await things_of(world, ann)
    socket = await bob.opens({"Origin": headers_of(bob).get("Origin", bob.url)})
    await socket.says(type="hello", token=bob.token)
    await socket.says(type="watch", session_id=things["session_id"], after=0)
    await socket.says(type="watch")
    await until_pong(socket)
    await ann.posts(f"{SESSIONS}/{things['session_id']}/messages", 200, text="for nobody else")
    await ann.posts(SESSIONS, 201)
    assert await until_pong(socket) == []
