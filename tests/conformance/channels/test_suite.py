"""The conformance suite detects the faults of careless channels: checks that never fail prove nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from gateway.core.inbound import InboundMessage
from gateway.core.model import Address, ChannelName
from gateway.core.networks import ChannelStatus, Network
from gateway.core.outbound import Chunk
from gateway.core.ports.channels import MayLeave
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Acknowledge, Notice
from gateway.errors import DeliveryDeferred, DeliveryRefused, DeliveryUnknown
from tests.conformance.channels.telegram import TelegramPeer, TelegramUnderTest
from turngate.testing.channels import CASES, Peer, RecordingIntake, RecordingMoves

BY_NAME = {case.name: case for case in CASES}


@dataclass
class Careless:
    """A network that passes everything on; each subclass breaks one thing."""

    inner: Network

    @property
    def name(self) -> ChannelName:
        return self.inner.name

    @property
    def status(self) -> ChannelStatus:
        return self.inner.status

    def render(self, content: str) -> Sequence[Chunk]:
        return self.inner.render(content)

    async def ready(self, address: Address) -> None:
        await self.inner.ready(address)

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        await self.inner.deliver(address, chunk, may_leave)

    async def typing(self, address: Address) -> None:
        await self.inner.typing(address)

    async def run(self) -> None:
        await self.inner.run()

    async def close(self) -> None:
        await self.inner.close()


class AsksNobody(Careless):
    """Writes without permission."""

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        await self.inner.deliver(address, chunk, lambda: may_leave() or True)


class NeverGivesUp(Careless):
    """Treats a refusal as temporary."""

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        try:
            await self.inner.deliver(address, chunk, may_leave)
        except DeliveryRefused as error:
            raise DeliveryDeferred(str(error), 1.0) from error


class GivesUpEarly(Careless):
    """Treats a lost response as a refusal."""

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        try:
            await self.inner.deliver(address, chunk, may_leave)
        except DeliveryUnknown as error:
            raise DeliveryRefused(str(error)) from error


class SaysNothing(Careless):
    """Has no chunk for an empty reply."""

    def render(self, content: str) -> Sequence[Chunk]:
        return self.inner.render(content) if content.strip() else ()


class Hasty(RecordingIntake):
    """Behaves like a channel that does not wait for the commit."""

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        self.tries[message.text] += 1
        return Acceptance("accepted")


class Renaming(RecordingIntake):
    """Behaves like a channel that invents keys."""

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        return await super().accept(replace(message, key=str(uuid4())), acknowledge)


class Sabotaged(TelegramUnderTest):
    """Telegram with one thing broken."""

    def __init__(
        self, network: Callable[[Network], Network] = Careless, intake: type[RecordingIntake] | None = None
    ) -> None:
        self._network = network
        self._intake = intake

    @asynccontextmanager
    async def opens(self, intake: RecordingIntake, moves: RecordingMoves) -> AsyncIterator[Peer]:
        if self._intake is not None:
            spoilt = self._intake()
            spoilt.taken, spoilt.tries, spoilt.held_up = intake.taken, intake.tries, intake.held_up
            intake = spoilt
        async with super().opens(intake, moves) as peer:
            assert isinstance(peer, TelegramPeer)
            yield TelegramPeer(peer._fake, self._network(peer.network), peer._running)


class ReadsCarelessly(TelegramUnderTest):
    """Expects every update to be a message."""

    def normalize(self, raw: bytes) -> object:
        return json.loads(raw)["message"]["text"]


@pytest.mark.parametrize(
    ("case", "channel"),
    [
        ("normalizing_never_raises", ReadsCarelessly()),
        ("acknowledged_after_the_commit", Sabotaged(intake=Hasty)),
        ("a_repeated_message_is_one", Sabotaged(intake=Renaming)),
        ("nothing_leaves_without_permission", Sabotaged(AsksNobody)),
        ("a_refusal_is_for_good", Sabotaged(NeverGivesUp)),
        ("a_lost_answer_is_unknown", Sabotaged(GivesUpEarly)),
        ("rendering_takes_any_text", Sabotaged(SaysNothing)),
    ],
)
async def test_a_careless_channel_fails(case: str, channel: TelegramUnderTest) -> None:
    """Each fault is detected by the case that covers it."""
    with pytest.raises(AssertionError):
        async with asyncio.timeout(120):
            await BY_NAME[case].run(channel)
