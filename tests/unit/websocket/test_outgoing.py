"""The send queue of a socket, with a real socket at its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from channels.websocket import outgoing as module
from channels.websocket.delayed_flush import DelayedFlush
from channels.websocket.outgoing import BytesSocket, Outgoing
from channels.websocket.server_frames import Delta
from gateway.core.model import TurnId
from gateway.core.tasks.background import Background

TURN = TurnId(UUID(int=1))


class Counting:
    """A transport that counts its writes."""

    def __init__(self, transport: asyncio.Transport | None) -> None:
        assert transport is not None
        self._transport = transport
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Like the transport's."""
        self.writes += 1
        self._transport.write(data)


class Line:
    """Both ends of a socket: `queue` at the server, `client` at the other end. `given_up`: the close codes requested."""

    def __init__(self, stall_s: float) -> None:
        self.tasks = Background()
        self._stall_s = stall_s
        self.given_up: list[int] = []
        self.opened: asyncio.Future[Outgoing] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.client: aiohttp.ClientWebSocketResponse
        self.queue: Outgoing
        self.transport: Counting

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The server's end."""
        socket: BytesSocket = web.WebSocketResponse(decode_text=False, compress=False, timeout=0.1)
        await socket.prepare(request)
        self.transport = Counting(request.transport)
        transport = cast("asyncio.Transport", self.transport)
        self.opened.set_result(
            Outgoing(socket, transport, self.tasks, self.given_up.append, DelayedFlush(), self._stall_s)
        )
        await self.ended.wait()
        return socket

    async def hears(self) -> Any:
        """The next frame's JSON."""
        async with asyncio.timeout(10):
            return json.loads((await self.client.receive()).data)


@pytest.fixture
def stall_s() -> float:
    """Seconds that the client may read nothing."""
    return module.STALL_S


@pytest_asyncio.fixture
async def line(stall_s: float) -> AsyncIterator[Line]:
    """An open socket."""
    line = Line(stall_s)
    app = web.Application()
    app.router.add_get("/", line.serve)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        line.client = await http.ws_connect(server.make_url("/"), max_msg_size=0)
        line.queue = await line.opened
        yield line
        line.ended.set()
        await line.tasks.stop()
        await line.client.close()


async def test_frames_leave_in_order(line: Line) -> None:
    """First in, first out."""
    for number in range(100):
        line.queue.put(b"%d" % number)
    assert [await line.hears() for _ in range(100)] == list(range(100))


async def test_simultaneous_frames_leave_in_one_write(line: Line) -> None:
    """Frames of any length; no timer or task remains."""
    texts = ["a", "b" * 1_000, "c" * 70_000]
    for text in (*texts, *texts):
        line.queue.put(json.dumps(text).encode())
    assert len(line.tasks) == 0
    assert [await line.hears() for _ in range(6)] == texts * 2
    assert line.transport.writes == 2  # a write takes 64 KB and the frame that exceeds them


async def test_a_delayed_frame_shares_the_write_of_the_next_urgent_one(line: Line) -> None:
    """In order; and it leaves by itself if nothing follows, even after others have left that way."""
    line.queue.put_soon(b"1")
    await asyncio.sleep(0)
    line.queue.put(b"2")
    assert [await line.hears() for _ in range(2)] == [1, 2]
    assert line.transport.writes == 1
    for number in (3, 4):
        line.queue.put_soon(b"%d" % number)
        assert await line.hears() == number
    assert line.transport.writes == 3


async def test_a_delayed_frame_leaves_before_its_socket_ends(line: Line) -> None:
    """A gateway that stops sends the text so far."""
    line.queue.put_soon(b"1")
    await line.queue.finish()
    assert await line.hears() == 1


async def test_delayed_frames_do_not_fill_the_queue(line: Line) -> None:
    """Many of them leave at once."""
    for number in range(module.JOIN_FROM):
        line.queue.put_soon(b"%d" % number)
    await asyncio.sleep(0)
    assert line.transport.writes == 1
    assert [await line.hears() for _ in range(module.JOIN_FROM)] == list(range(module.JOIN_FROM))


async def test_a_held_queue_lets_its_first_frames_pass_before_the_rest(line: Line) -> None:
    """Frames that came while it was held wait for those that are released first."""
    line.queue.hold()
    line.queue.put(b"3")
    line.queue.release(b"1", b"2")
    line.queue.put(b"4")
    assert [await line.hears() for _ in range(4)] == [1, 2, 3, 4]


async def test_an_idle_queue_has_no_task(line: Line) -> None:
    """Nor has one whose peer keeps up; the task for a slow peer ends with its work."""
    response: Any = line.client._response
    response.connection.transport.pause_reading()
    while not len(line.tasks):
        line.queue.put(b'"%s"' % (b"x" * 300_000))
        await asyncio.sleep(0)
    line.queue.put(b'"last"')
    response.connection.transport.resume_reading()
    while await line.hears() != "last":
        pass
    await line.queue.finish()
    assert len(line.tasks) == 0


async def test_deltas_join_in_a_long_queue_only(line: Line) -> None:
    """A reader that keeps up gets each piece; a slow one gets fewer, longer ones, and the whole text."""
    line.queue.hold()
    for _ in range(2000):
        line.queue.put(Delta(TURN, 1, "x"))
    line.queue.release()
    pieces = [(await line.hears())["text"]]
    while sum(map(len, pieces)) < 2000:
        pieces.append((await line.hears())["text"])
    assert pieces[0] == "x"
    assert len(pieces) < 100
    assert line.given_up == []


async def test_too_many_frames_end_the_socket(line: Line) -> None:
    """Closed with 1013, and nothing is kept."""
    line.queue.hold()
    for _ in range(module.MAX_FRAMES + 1):
        line.queue.put(b"1")
    assert line.given_up == [1013]


async def test_too_many_bytes_end_the_socket(line: Line) -> None:
    """One frame of any size passes; further ones after it do not."""
    line.queue.hold()
    line.queue.put(b"1" * (module.MAX_BYTES + 1))
    assert line.given_up == []
    line.queue.put(b"1")
    assert line.given_up == [1013]


@pytest.mark.parametrize("stall_s", [0.2])
async def test_a_peer_that_reads_nothing_is_disconnected(line: Line) -> None:
    """Row 36: after the deadline, with a bounded queue."""
    response: Any = line.client._response
    response.connection.transport.pause_reading()
    async with asyncio.timeout(10):
        while not line.given_up:
            await line.queue.room()
            line.queue.put(b'"%s"' % (b"x" * 1_000_000))
    assert line.given_up == [1013]
    response.connection.transport.abort()


async def test_waiting_for_room_slows_the_sender_down(line: Line) -> None:
    """Replaying a long history slows down to the reader's pace."""

    async def replay() -> None:
        for _ in range(40):
            await line.queue.room()
            line.queue.put(b'"%s"' % (b"x" * 1_000_000))

    replaying = asyncio.create_task(replay())
    for _ in range(40):
        assert len(await line.hears()) == 1_000_000
    await replaying
    assert line.given_up == []
