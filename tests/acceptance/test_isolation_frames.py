"""In every frame of the WebSocket, other users' objects look as if they did not exist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from channels.websocket.client_frames import READERS
from gateway.app.running.serve import Running
from tests.acceptance.frame_requests import keeps_refused_watches_silent, someone, until_pong
from tests.acceptance.user_data import (
    OPEN,
    headers_of,
    never_there,
    rows_of,
    signed_in,
    things_of,
    without_ids,
)
from tests.world import Person, World

pytestmark = pytest.mark.acceptance

FRAMES: tuple[dict[str, Any], ...] = (
    {"type": "hello", "token": "{token}", "session_id": "{session_id}", "after": 0},
    {"type": "watch", "session_id": "{session_id}", "after": 0},
    {"type": "send", "id": "mine", "text": "hello", "session_id": "{session_id}"},
    {"type": "cancel", "turn_id": "{turn_id}"},
    {"type": "choose", "approval_id": "{approval_id}", "choice": "Allow"},
)
NAMES_NOTHING = frozenset({"unwatch", "typing", "ping"})


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway that accepts visitors."""
    return await world.gateway(**OPEN)


def test_every_frame_is_tried() -> None:
    """A new frame must be added to `FRAMES` or `NAMES_NOTHING`."""
    assert READERS.keys() == {frame["type"] for frame in FRAMES} | NAMES_NOTHING


async def hears(person: Person, frames: list[dict[str, Any]], things: Mapping[str, str]) -> list[str]:
    """Everything that a new socket receives after these frames until the pong, without the ids of the request."""
    socket = await person.opens({"Origin": headers_of(person).get("Origin", person.url)})
    for frame in frames:
        await socket.says(**{name: _filled(value, {**things, "token": person.token}) for name, value in frame.items()})
    heard = await until_pong(socket)
    await socket.socket.close()
    return [without_ids(text, things) for text in heard]


def _filled(value: Any, things: Mapping[str, str]) -> Any:
    return value.format_map(things) if isinstance(value, str) else value


HELLO = {"type": "hello", "token": "{token}"}


@pytest.mark.parametrize("role", ["user", "visitor"])
@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["type"])
async def test_what_others_own_is_not_found(frame: dict[str, Any], role: str, world: World, gateway: Running) -> None:
    """P-5: frames about ann's objects and about missing ones get the same answers, and ann's objects are unchanged."""
    ann, bob = await signed_in(world, gateway, "ann"), await someone(role, world, gateway)
    theirs = await things_of(world, ann)
    nobodys = never_there(theirs)
    before = await rows_of(world, ann.user)
    for frames in ([HELLO, frame], [frame, HELLO], [HELLO, frame, frame]):
        if frames[0] is not HELLO and frame["type"] != "hello":
            continue  # before signing in, any frame but hello closes the socket
        there, nowhere = await hears(bob, frames, theirs), await hears(bob, frames, nobodys)
        assert there == nowhere
        assert any(json.loads(text).get("code") == "not_found" for text in there), there
    assert await rows_of(world, ann.user) == before


@pytest.mark.parametrize("role", ["user", "visitor"])
async def test_a_refused_watch_follows_nothing(role: str, world: World, gateway: Running) -> None:
    """P-5: bob receives neither ann's later messages nor that she has a session."""
    await keeps_refused_watches_silent(role, world, gateway)
