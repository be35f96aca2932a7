"""The channel passes Turngate's conformance suite, against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from irc_world import BOT, Ngircd, Somebody, irc_server
from turngate_irc import KIND, IrcSettings
from turngate_irc.normalize import normalize
from turngate_irc.place import address_of

from turngate import Address, Network
from turngate.testing.channels import Ability, Case, Peer, RecordingIntake, RecordingMoves, cases_of, channel_parts
from turngate.testing.waiting import until


class IrcPeer(Peer):
    """ngircd, and ann and bob on it."""

    def __init__(self, server: Ngircd, network: Network, running: asyncio.Task[None]) -> None:
        self._server = server
        self._network = network
        self._running = running
        self.people = {name: Somebody(name, server.port) for name in ("ann", "bob")}

    @property
    def network(self) -> Network:
        return self._network

    def address(self, person: str) -> Address:
        return address_of("test", person)

    async def says(self, person: str, text: str) -> None:
        self.people[person].says(text)

    async def heard(self, person: str) -> Sequence[str]:
        return self.people[person].heard

    async def clogs(self, person: str) -> None:
        self.people[person].stops_reading()

    async def drains(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])

    async def goes_away(self) -> None:
        await self._server.stop()

    async def comes_back(self) -> None:
        await self._server.start()
        for somebody in self.people.values():
            await somebody.close()
            await somebody.joins()

    async def refuses(self, person: str) -> None:
        await self.people[person].leaves()

    async def loses_answers(self, person: str) -> None:
        self._server.freeze()


class IrcUnderTest:
    """What IRC can do: it keeps nothing for a bot that is away, and repeats nothing."""

    abilities: frozenset[Ability] = frozenset({"delivers_ahead", "pushes", "refuses", "loses_answers"})
    samples = (
        b":ann!~ann@127.0.0.1 PRIVMSG turngate :hello there",
        b"@time=2026-11-30T12:00:00Z :bob!~bob@127.0.0.1 PRIVMSG turngate :!new how are you?",
        b":irc.example.net 401 turngate nobody :No such nick or channel name",
        b"PING :irc.example.net",
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def normalize(self, raw: bytes) -> object:
        return normalize(raw.decode("utf-8", "replace"), BOT)

    @asynccontextmanager
    async def opens(self, intake: RecordingIntake, moves: RecordingMoves) -> AsyncIterator[Peer]:
        async with irc_server(self._folder) as server:
            settings = IrcSettings(server="127.0.0.1", port=server.port, network="test", answer_s=2)
            network = KIND.build(settings, channel_parts(intake, moves))
            running = asyncio.create_task(network.run())
            peer = IrcPeer(server, network, running)
            try:
                for somebody in peer.people.values():
                    await somebody.joins()
                await until(lambda: network.status.state == "ready", "the channel is ready")
                yield peer
            finally:
                running.cancel()
                await asyncio.wait([running])
                await network.close()
                for somebody in peer.people.values():
                    await somebody.close()


@pytest.mark.parametrize("case", cases_of(IrcUnderTest(Path())), ids=str)
def test_conformance(case: Case, tmp_path: Path) -> None:
    """Everything that a network like this has to do."""
    asyncio.run(case.run(IrcUnderTest(tmp_path)))
