"""Lets a peer that sent too much read why it was disconnected.

Closing a TCP socket with unread data resets the connection, and the peer loses a close frame that it has not
read yet (RFC 9112, 9.6 describes the same for HTTP). So the connection is kept for a moment, and incoming data is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

CHUNK = 65_536


def keep_open(transport: asyncio.Transport) -> socket.socket | None:
    """Returns a second descriptor of a transport that was told to close in this step of the loop; None if it is closed.

    The connection lives until both are closed.
    """
    original = transport.get_extra_info("socket")
    try:
        return socket.socket(fileno=os.dup(original.fileno()))
    except (AttributeError, OSError):
        return None


async def drop_incoming(spare: socket.socket, seconds: float) -> None:
    """Reads until the peer has closed, at most for `seconds`; then closes `spare`."""
    with spare, contextlib.suppress(TimeoutError, OSError):
        spare.setblocking(False)
        async with asyncio.timeout(seconds):
            while await asyncio.get_running_loop().sock_recv(spare, CHUNK):
                pass
