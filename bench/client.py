"""The measuring process: a WebSocket client for gateway and bare loop alike, controlled over standard input."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Literal, TypeAlias, assert_never
from uuid import uuid4

import aiohttp
import orjson
import uvloop

from bench.commands import ANSWER, COMMAND, Answer, Command, Cross, Hold, Load, Release, Walk
from bench.conversation import AGENT, QUESTION, token_of, user_name
from bench.errors import BenchError

Socket: TypeAlias = "aiohttp.ClientWebSocketResponse[Literal[False]]"
OPENING_AT_ONCE = 64
OPENING_TRIES, OPENING_PAUSE_S = 30, 1.0
# Searched in the bytes, not parsed: the client shares two cores with what it measures.
READY = b'"type":"ready"'
REPLY_ROW = b'"role":"assistant"'
ERROR = b'"type":"error"'
BUSY = b'"code":"unavailable"'
AGAIN_S = 0.1


class BusyError(BenchError):
    """The server refuses because it is busy."""


class Talker:
    """One socket, one session, one turn at a time."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._turns = 0
        self._prefix = uuid4().hex

    async def hello(self, user: str) -> None:
        await self._say({"type": "hello", "token": token_of(user), "agent": AGENT})
        await self._hear(READY)

    async def turn(self) -> int:
        """Microseconds from the send to the reply's row."""
        self._turns += 1
        begun = time.perf_counter_ns()
        message = {"type": "send", "id": f"{self._prefix}-{self._turns}", "text": QUESTION}
        await self._say(message)
        while True:
            try:
                await self._hear(REPLY_ROW)
            except BusyError:
                # As any client does; the server recognizes the id if it has stored the message after all.
                await asyncio.sleep(AGAIN_S)
                await self._say(message)
            else:
                return (time.perf_counter_ns() - begun) // 1000

    async def reply(self) -> int:
        """When the next reply's row arrived, in nanoseconds."""
        await self._hear(REPLY_ROW)
        return time.perf_counter_ns()

    async def close(self) -> None:
        await self._socket.close()

    async def _say(self, frame: dict[str, str]) -> None:
        await self._socket.send_frame(orjson.dumps(frame), aiohttp.WSMsgType.TEXT)

    async def _hear(self, mark: bytes) -> None:
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT or ERROR in message.data:
                told = f"The server answered {message.type.name}: {message.data!r}"
                raise BusyError(told) if BUSY in (message.data or b"") else BenchError(told)
            if mark in message.data:
                return


class Crowd:
    """Opens talkers, a limited number at a time, and holds the idle ones."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._door = asyncio.Semaphore(OPENING_AT_ONCE)
        self._idle: list[Talker] = []

    async def obey(self, command: Command) -> Answer:
        match command:
            case Load():
                return await self._load(command)
            case Walk():
                return await self._walk(command)
            case Hold(url, group, first, last):
                names = [user_name(group, number) for number in range(first, last + 1)]
                self._idle += await self._open_all(url, names)
                return Answer()
            case Cross():
                return await self._cross(command)
            case Release():
                await self._close_all(self._idle)
                self._idle.clear()
                return Answer()
            case _:
                assert_never(command)

    async def _load(self, load: Load) -> Answer:
        names = [user_name(load.group, number) for number in range(1, load.sessions + 1)]
        talkers = await self._open_all(load.url, names)
        begun = time.monotonic() + load.warm_s
        ends = begun + load.seconds
        spoken = await asyncio.gather(*(_talk(talker, begun, ends) for talker in talkers))
        await self._close_all(talkers)
        latencies = tuple(latency for one, _ in spoken for latency in one)
        return Answer(latencies, load.seconds, sum(turns for _, turns in spoken))

    async def _walk(self, walk: Walk) -> Answer:
        names = sorted(set(walk.visits))
        talkers = dict(zip(names, await self._open_all(walk.url, names), strict=True))
        begun = time.monotonic()
        latencies = tuple([await talkers[name].turn() for name in walk.visits])
        seconds = time.monotonic() - begun
        await self._close_all(talkers.values())
        return Answer(latencies, seconds)

    async def _cross(self, cross: Cross) -> Answer:
        begun, latencies = time.monotonic(), list[int]()
        for number in range(1, cross.users + 1):
            name = user_name(cross.group, number)
            here = await self._open(cross.url, name)
            await here.turn()  # there is nothing to resume before it
            there = await self._open(cross.other, name)
            for _ in range(cross.turns):
                elsewhere = asyncio.create_task(there.reply())
                await here.turn()
                now = time.perf_counter_ns()
                latencies.append(max(0, await elsewhere - now) // 1000)
            await self._close_all((here, there))
        return Answer(tuple(latencies), time.monotonic() - begun)

    async def _open_all(self, url: str, names: Iterable[str]) -> list[Talker]:
        return await asyncio.gather(*(self._open(url, name) for name in names))

    async def _open(self, url: str, name: str) -> Talker:
        """Retries, like any client, while too many connect at once."""
        async with self._door:
            for _ in range(OPENING_TRIES):
                talker = Talker(await self._http.ws_connect(f"{url}/ws", max_msg_size=0, decode_text=False))
                try:
                    await talker.hello(name)
                except BusyError:
                    await talker.close()
                    await asyncio.sleep(OPENING_PAUSE_S)
                else:
                    return talker
        raise BenchError(f"The server was too busy to let {name} in.")

    async def _close_all(self, talkers: Iterable[Talker]) -> None:
        await asyncio.gather(*(talker.close() for talker in talkers))


async def _talk(talker: Talker, begun: float, ends: float) -> tuple[list[int], int]:
    """Latencies of the turns that ended between two moments of the monotonic clock, and the number of all turns."""
    latencies: list[int] = []
    turns = 0
    while True:
        latency = await talker.turn()
        turns += 1
        now = time.monotonic()
        if now >= ends:
            return latencies, turns
        if now >= begun:
            latencies.append(latency)


async def main() -> None:
    """Executes commands until standard input ends."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        # Without limits of its own: every session has its socket.
        connector = aiohttp.TCPConnector(limit=0)
        crowd = Crowd(await stack.enter_async_context(aiohttp.ClientSession(connector=connector)))
        while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
            answer = await crowd.obey(COMMAND.validate_json(line))
            sys.stdout.buffer.write(ANSWER.dump_json(answer) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main())
