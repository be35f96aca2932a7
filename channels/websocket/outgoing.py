"""The send queue of one socket: bounded, in order, and never blocking others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from struct import pack
from typing import Literal, TypeAlias

from aiohttp import WSMsgType, web

from channels.websocket.delayed_flush import DelayedFlush
from channels.websocket.faults import TOO_SLOW
from channels.websocket.server_frames import Delta
from gateway.core.tasks.background import Background

BytesSocket: TypeAlias = "web.WebSocketResponse[Literal[False]]"
"""Sends text frames as bytes: the JSON reader validates the UTF-8 itself."""

MAX_FRAMES = 1024
MAX_BYTES = 4 * 1024 * 1024
JOIN_FROM = 64
"""Number of waiting frames from which deltas are joined …"""
JOIN_UP_TO = 4096
"""… into pieces of about this many characters."""
AT_ONCE = 64 * 1024
"""Bytes per write, and bytes that the transport may hold for a peer that counts as keeping up."""
STALL_S = 10.0
"""Seconds that a peer may read nothing while something waits for it."""
SHORT_HEADS = tuple(bytes((0x81, size)) for size in range(126))
"""The headers of frames of fewer than 126 bytes."""


class Outgoing:
    """A queue that is written at the end of the event loop's step, all frames in one write, while the peer keeps up.

    For a peer that falls behind, a task writes frame by frame at the peer's pace. `give_up` is called with a close code if
    the peer reads nothing for too long, or too much waits for it.
    """

    __slots__ = (
        "_ahead",
        "_bytes",
        "_delayed_flush",
        "_due",
        "_ended",
        "_frames",
        "_give_up",
        "_room",
        "_socket",
        "_stall_s",
        "_tasks",
        "_transport",
        "_waits",
        "_writer",
    )

    def __init__(  # noqa: PLR0917 - the parts, each of another kind
        self,
        socket: BytesSocket,
        transport: asyncio.Transport | None,
        tasks: Background,
        give_up: Callable[[int], None],
        delayed_flush: DelayedFlush,
        stall_s: float = STALL_S,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._tasks = tasks
        self._give_up = give_up
        self._delayed_flush = delayed_flush
        self._stall_s = stall_s
        self._frames: list[bytes | Delta] = []  # an empty deque takes 700 bytes
        self._bytes = 0
        self._due = False
        self._waits = False  # for `delayed_flush` to flush it
        self._writer: asyncio.Task[None] | None = None
        self._room: asyncio.Event | None = None
        self._ahead: int | None = None  # while held: how many frames came before and may be sent
        self._ended = False

    def put(self, frame: bytes | Delta) -> None:
        """Queues a frame. Frames after the end of the socket are dropped."""
        if self._add(frame) and not self._due:
            self._wake()

    def put_soon(self, frame: bytes | Delta) -> None:
        """Queues a frame that may wait for others to share a write with, for 20 ms at most."""
        if not self._add(frame) or self._due or self._writer is not None:
            return
        if len(self._frames) >= JOIN_FROM or self._bytes > AT_ONCE:
            self._wake()
        elif not self._waits:
            self._waits = True
            self._delayed_flush.ask(self)

    def _add(self, frame: bytes | Delta) -> bool:
        """Whether the frame was queued, alone or joined with the previous one."""
        if self._ended:
            return False
        frames = self._frames
        if len(frames) >= MAX_FRAMES or self._bytes > MAX_BYTES:
            self._overflow()
            return False
        if len(frames) >= JOIN_FROM and isinstance(frame, Delta) and self._joined(frame):
            return True
        frames.append(frame)
        self._bytes += len(frame.text) if isinstance(frame, Delta) else len(frame)
        return True

    def hold(self) -> None:
        """From now on, queued frames wait until `release`; earlier ones are still sent."""
        self._ahead = len(self._frames)

    def release(self, *first: bytes) -> None:
        """Resumes: sends what came before `hold`, then `first`, then what was held back."""
        if self._ended:
            return
        if first:
            place = self._ahead or 0
            self._frames[place:place] = first
            self._bytes += sum(map(len, first))
        self._ahead = None
        if self._frames:
            self._wake()

    def flush(self) -> None:
        """Writes the queue in as few pieces as possible; leaves the rest to a task if the peer falls behind."""
        self._due = False
        if self._waits:
            self._waits = False
            self._delayed_flush.forget(self)
        if self._writer is not None or self._ended:
            return
        transport = self._transport
        if transport is None or transport.is_closing() or self._socket.closed:
            self.end()
            return
        while self._frames and self._ahead != 0:
            if transport.get_write_buffer_size() > AT_ONCE:
                self._writer = self._tasks.start(self._write(), "websocket writer")
                return
            transport.write(_on_the_wire(self._taken()))
        if self._room is not None and not self._is_filling():
            self._make_room()

    async def room(self) -> None:
        """Waits until at most half the limits are used, or the socket has ended."""
        while not self._ended and self._is_filling():
            if self._room is None:
                self._room = asyncio.Event()
            await self._room.wait()

    async def finish(self) -> None:
        """Writes the queue, then accepts no more."""
        self.release()
        self.flush()
        if self._writer is not None:
            await asyncio.wait((self._writer,))
        self.end()

    def end(self) -> None:
        """Drops what is queued, and everything later."""
        self._ended = True
        self._frames.clear()
        self._bytes = 0
        if self._writer is not None:
            self._writer.cancel()
        self._make_room()

    def _wake(self) -> None:
        if not self._due and self._writer is None and self._ahead != 0:
            self._due = True
            asyncio.get_running_loop().call_soon(self.flush)

    def _joined(self, delta: Delta) -> bool:
        last = self._frames[-1]
        if not isinstance(last, Delta) or len(last.text) > JOIN_UP_TO:
            return False
        both = last.joined(delta)
        if both is None:
            return False
        self._frames[-1] = both
        self._bytes += _size(both) - _size(last)
        return True

    def _taken(self) -> list[bytes | Delta]:
        """As many frames as one write takes; at least one."""
        if self._ahead is None and self._bytes <= AT_ONCE:
            frames, self._frames, self._bytes = self._frames, [], 0
            return frames
        taken: list[bytes | Delta] = []
        size = 0
        while size < AT_ONCE and self._has_some():
            taken.append(self._next())
            size += _size(taken[-1])
        return taken

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        try:
            async with asyncio.timeout_at(since + self._stall_s) as patience:
                while self._has_some():
                    await self._socket.send_frame(_payload(self._next()), WSMsgType.TEXT)
                    if self._room is not None and not self._is_filling():
                        self._make_room()
                    now = loop.time()
                    if now - since > 1:
                        since = now
                        patience.reschedule(now + self._stall_s)
        except TimeoutError:
            self._overflow()
        except ConnectionError:
            self._ended = True
        finally:
            self._writer = None

    def _has_some(self) -> bool:
        """Whether there is a frame that may be sent."""
        return bool(self._frames) and self._ahead != 0

    def _next(self) -> bytes | Delta:
        frame = self._frames.pop(0)
        if self._ahead:
            self._ahead -= 1
        self._bytes -= _size(frame)
        return frame

    def _is_filling(self) -> bool:
        return len(self._frames) > MAX_FRAMES // 2 or self._bytes > MAX_BYTES // 2

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None

    def _overflow(self) -> None:
        self.end()
        self._give_up(TOO_SLOW)


def _size(frame: bytes | Delta) -> int:
    return len(frame.text) if isinstance(frame, Delta) else len(frame)


def _payload(frame: bytes | Delta) -> bytes:
    return frame.frame() if isinstance(frame, Delta) else frame


def _on_the_wire(frames: Iterable[bytes | Delta]) -> bytes:
    """Unmasked text frames (RFC 6455, 5.2), one after another."""
    pieces: list[bytes] = []
    for frame in frames:
        payload = frame.frame() if isinstance(frame, Delta) else frame
        size = len(payload)
        if size < 126:
            head = SHORT_HEADS[size]
        else:
            head = pack("!BBH", 0x81, 126, size) if size < 65_536 else pack("!BBQ", 0x81, 127, size)
        pieces += (head, payload)
    return b"".join(pieces)
