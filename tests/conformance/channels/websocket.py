"""The WebSocket under test: a gateway that listens, and clients that resend unacknowledged messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp

from channels.websocket.client_frames import parse
from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running, running_gateway
from gateway.core.service import Intake
from tests.world import Frame, Person, Socket, World
from turngate.testing.channels import Ability, Peer, RecordingIntake, RecordingMoves

SAMPLES: tuple[Frame, ...] = (
    {"type": "hello", "token": "t", "session_id": "s", "agent": "a", "after": 7, "channel": "terminal"},
    {"type": "send", "id": "k1", "text": "hi", "session_id": "s", "metadata": {"course": 7}},
    {"type": "watch", "session_id": "s", "after": 0},
    {"type": "cancel", "turn_id": "0190a0e0-0000-7000-8000-000000000000"},
    {"type": "ping"},
)
TRY_AGAIN_S = 0.05


@dataclass
class Client:
    """A person's open socket. Resends, with the same id, messages that were refused because they could not be stored."""

    socket: Socket
    ids: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    reading: asyncio.Task[None] | None = None

    async def says(self, text: str, key: str) -> None:
        self.ids[text] = key
        with suppress(aiohttp.ClientError):
            await self.socket.says(type="send", id=key, text=text)

    async def reads(self) -> None:
        async for message in self.socket.socket:
            frame: Frame = json.loads(message.data)
            if frame["type"] == "ack":
                self.acknowledged.add(frame["id"])
            if frame["type"] == "error" and frame["code"] == "unavailable":
                await asyncio.sleep(TRY_AGAIN_S)
                text = next(text for text, key in self.ids.items() if key == frame["id"])
                await self.says(text, frame["id"])


class SocketPeer(Peer):
    """All clients, at one gateway."""

    def __init__(self, running: Running, people: dict[str, Person]) -> None:
        self._running = running
        self._people = people
        self._clients: dict[str, Client] = {}

    async def says(self, person: str, text: str) -> None:
        await (await self._client(person)).says(text, str(uuid4()))

    async def repeats(self, person: str, text: str) -> None:
        client = await self._client(person)
        await client.says(text, client.ids[text])

    async def acknowledged(self, person: str, text: str) -> bool:
        client = await self._client(person)
        return client.ids[text] in client.acknowledged

    async def clogs(self, person: str) -> None:
        client = await self._client(person)
        assert client.reading is not None
        client.reading.cancel()
        await client.says("long answer", str(uuid4()))

    async def drains(self) -> None:
        await self._running.gateway.sockets.drain()

    async def closes(self) -> None:
        """Closes all sockets."""
        for client in self._clients.values():
            if client.reading is not None:
                client.reading.cancel()
            client.socket.drops()

    async def _client(self, person: str) -> Client:
        if person not in self._clients:
            client = self._clients[person] = Client(await self._people[person].connects())
            client.reading = asyncio.create_task(client.reads())
        return self._clients[person]


@dataclass
class WebSocketUnderTest:
    """The abilities of a WebSocket: its clients read rows, so nothing is pushed to them."""

    world: World
    abilities: frozenset[Ability] = frozenset({"delivers_ahead", "acknowledges", "repeats"})
    samples: tuple[bytes, ...] = tuple(json.dumps(sample).encode() for sample in SAMPLES)

    def normalize(self, raw: bytes) -> object:
        return parse(raw)

    @asynccontextmanager
    async def opens(self, intake: RecordingIntake, moves: RecordingMoves) -> AsyncIterator[Peer]:
        def between(inner: Intake) -> Intake:
            intake.inner = inner
            return intake

        async with running_gateway(self.world.settings(), Seams(intake=between)) as running:
            await running.ready.wait()
            people = {name: await self.world.person(name, running.url) for name in ("ann", "bob")}
            peer = SocketPeer(running, people)
            try:
                yield peer
            finally:
                await peer.closes()
