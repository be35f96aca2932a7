"""Well-behaved WebSocket clients: they choose ids, wait for each ack, and reconnect and resend to any gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import aiohttp
import orjson

from tests.faults.agents import LONG
from tests.faults.ledger import Acked, Heard, Ledger, Sent, Stopped

PATIENCE_S = 6.0
"""Seconds a client waits for `ready` or for an ack before it tries another gateway."""
PING_S = 5.0
LONGEST_BACK_OFF_S = 2.0
LONG_SHARE = 0.01
STOPPED_SHARE = 0.1
"""The share of turns that clients cancel, of agents whose turns may be interrupted."""

Frame: TypeAlias = dict[str, Any]
Socket: TypeAlias = aiohttp.ClientWebSocketResponse


class Gone(Exception):
    """The socket ended, or sent something invalid."""


@dataclass(frozen=True, slots=True)
class Account:
    """A client's user and agent; None: the default agent."""

    user: str
    token: str
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class ClientContext:
    """What all clients share: the URLs of the gateways, an HTTP session, and the ledger that records what happens."""

    addresses: Sequence[str]
    http: aiohttp.ClientSession
    ledger: Ledger


@dataclass(slots=True)
class Unacked:
    """A message that waits for its ack. `answer`: `ack`, or an error's code."""

    key: str
    text: str
    answer: asyncio.Future[str]


def canary(user: str) -> str:
    """A mark in every text of a user, which no other user may ever see."""
    return f"~{user}~"


class Talker:
    """One user with one session, for the whole storm. `pace_s`: seconds between messages, on average."""

    def __init__(self, account: Account, pace_s: float, context: ClientContext, luck: Random) -> None:
        self.account = account
        self.session_id: str | None = None
        self.last_seq = 0
        self.unacked: Unacked | None = None
        self._pace_s = pace_s
        self._context = context
        self._luck = luck
        self._count = 0
        self._acked_turn = ""
        self._talks = True
        self._next_at = time.monotonic() + luck.uniform(0, pace_s)
        self._socket: Socket | None = None
        self._failures = 0

    async def run(self) -> None:
        """Sends messages until cancelled, and reconnects whenever the connection ends."""
        while True:
            with suppress(Gone, OSError, TimeoutError, aiohttp.ClientError):
                await self._visit()
            self._failures += 1
            await asyncio.sleep(self._luck.uniform(0.05, min(0.2 * 2**self._failures, LONGEST_BACK_OFF_S)))

    def falls_silent(self) -> None:
        """Sends nothing new from now on, but still waits for outstanding replies."""
        self._talks = False

    def loses_its_connection(self) -> bool:
        """Breaks its connection; returns whether it had one."""
        connection = None if self._socket is None else self._socket._response.connection
        if connection is None or connection.transport is None:
            return False
        connection.transport.abort()
        return True

    async def _visit(self) -> None:
        address = self._luck.choice(self._context.addresses)
        async with asyncio.timeout(PATIENCE_S):
            socket = await self._context.http.ws_connect(f"{address}/ws", heartbeat=PING_S, max_msg_size=0)
        self._socket = socket
        try:
            await self._greet(socket)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(socket))
                group.create_task(self._talk(socket))
        except* (Gone, OSError, TimeoutError, aiohttp.ClientError):
            pass
        finally:
            self._socket = None
            with suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(1):
                    await socket.close()

    async def _greet(self, socket: Socket) -> None:
        hello: Frame = {"type": "hello", "token": self.account.token, "after": self.last_seq}
        if self.session_id is not None:
            hello["session_id"] = self.session_id
        elif self.account.agent is not None:
            hello["agent"] = self.account.agent
        await _say(socket, hello)
        async with asyncio.timeout(PATIENCE_S):
            while (frame := await _hear(socket))["type"] != "ready":
                if frame["type"] == "error":
                    raise Gone(frame["message"])
                self._hear(frame)
        self._failures = 0
        self._hear(frame)

    async def _listen(self, socket: Socket) -> None:
        while True:
            self._hear(await _hear(socket))

    def _hear(self, frame: Frame) -> None:
        match frame["type"]:
            case "ready":
                # The ack of the first message may have been lost, and its session found.
                self.session_id = self.session_id or frame["session_id"]
            case "ack":
                self._acked(frame)
            case "message":
                self._told(frame["message"])
            case "error" if self.unacked is not None and frame.get("id") == self.unacked.key:
                self._settle(frame["code"])

    def _acked(self, frame: Frame) -> None:
        self.session_id = self.session_id or frame["session_id"]
        self._context.ledger.note(
            Acked(time.time(), self.account.user, frame["id"], frame["session_id"], frame["seq"], frame["turn_id"])
        )
        if self.unacked is not None and frame["id"] == self.unacked.key:
            self._acked_turn = frame["turn_id"]
            self._settle("ack")

    def _settle(self, answer: str) -> None:
        if self.unacked is not None and not self.unacked.answer.done():
            self.unacked.answer.set_result(answer)

    def _told(self, row: Frame) -> None:
        heard = Heard(
            time.time(),
            self.account.user,
            row["session_id"],
            row["seq"],
            row["role"],
            row["turn_id"] or "",
            row["content"],
        )
        self._context.ledger.note(heard)
        self.last_seq = max(self.last_seq, heard.seq)

    async def _talk(self, socket: Socket) -> None:
        while True:
            if self.unacked is None:
                await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
                if not self._talks:
                    await asyncio.Future()
                self._compose()
            await self._send(socket)

    def _compose(self) -> None:
        self._count += 1
        key = f"{self.account.user}-{self._count}"
        text = f"{canary(self.account.user)} {key}"
        if self._luck.random() < LONG_SHARE:
            text = f"{LONG} {text}"
        # Clients that pause for long at times and hurry at others meet turns that still run.
        self._next_at = time.monotonic() + self._luck.expovariate(1 / self._pace_s)
        self.unacked = Unacked(key, text, asyncio.get_running_loop().create_future())
        self._context.ledger.note(Sent(time.time(), self.account.user, "web", key, text))

    async def _send(self, socket: Socket) -> None:
        assert self.unacked is not None
        self.unacked.answer = asyncio.get_running_loop().create_future()
        await _say(socket, {"type": "send", "id": self.unacked.key, "text": self.unacked.text})
        async with asyncio.timeout(PATIENCE_S):
            answer = await self.unacked.answer
        if answer == "ack":
            self.unacked = None
            if self.account.agent is not None and self._luck.random() < STOPPED_SHARE:
                self._context.ledger.note(Stopped(time.time(), self.account.user, self._acked_turn))
                await _say(socket, {"type": "cancel", "turn_id": self._acked_turn})
        else:
            await asyncio.sleep(self._luck.uniform(0.2, 1.0))


async def _say(socket: Socket, frame: Frame) -> None:
    await socket.send_str(orjson.dumps(frame).decode())


async def _hear(socket: Socket) -> Frame:
    message = await socket.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise Gone(f"{message.type} {message.data}")
    frame: Frame = orjson.loads(message.data)
    return frame
