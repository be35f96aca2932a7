"""Telegram under test: the channel as a gateway builds it, against the fake Bot API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pydantic import SecretStr

from channels.telegram.bot_identity import BotIdentity
from channels.telegram.channel import KIND
from channels.telegram.receiving.normalize import normalize
from channels.telegram.settings import Telegram
from channels.telegram.target import Target
from gateway.core.model import Address
from gateway.core.networks import Network
from gateway.errors import InvalidInput
from tests.fakes.bot_api import FakeBotApi, Fault
from turngate.testing.channels import Ability, Peer, RecordingIntake, RecordingMoves, channel_parts
from turngate.testing.waiting import until

TOKEN = "777:AAF-very-secret"
CHATS = {"ann": 5, "bob": 6}
GROUP, SUPERGROUP = -77, -1_000_000_000_077
ANN = {"id": 5, "is_bot": False, "first_name": "Ann"}
SAMPLES = (
    {
        "update_id": 1,
        "message": {"message_id": 7, "date": 1, "chat": {"id": 5, "type": "private"}, "from": ANN, "text": "hi"},
    },
    {
        "update_id": 2,
        "message": {
            "message_id": 8,
            "date": 2,
            "edit_date": 3,
            "chat": {"id": GROUP, "type": "supergroup", "title": "Team"},
            "from": ANN,
            "message_thread_id": 4,
            "is_topic_message": True,
            "caption": "@house_bot look",
            "photo": [{"file_id": "f", "width": 1, "height": 1}],
        },
    },
    {
        "update_id": 3,
        "message": {
            "message_id": 9,
            "date": 1,
            "chat": {"id": GROUP, "type": "group"},
            "migrate_to_chat_id": SUPERGROUP,
        },
    },
    {"update_id": 4, "callback_query": {"id": "1", "from": ANN, "data": "x"}},
)


class TelegramPeer(Peer):
    """The fake Bot API as one network, with the channel that talks to it."""

    def __init__(self, fake: FakeBotApi, network: Network, running: asyncio.Task[None]) -> None:
        self._fake = fake
        self._network = network
        self._running = running
        self._said: dict[tuple[str, str], int] = {}

    @property
    def network(self) -> Network:
        return self._network

    def address(self, person: str) -> Address:
        return Target(777, CHATS[person]).address

    async def says(self, person: str, text: str) -> None:
        self._said[person, text] = self._fake.says(CHATS[person], text).update_id

    async def repeats(self, person: str, text: str) -> None:
        self._fake.redelivers(self._said[person, text])

    async def acknowledged(self, person: str, text: str) -> bool:
        return self._fake.confirmed_offset > self._said[person, text]

    async def heard(self, person: str) -> Sequence[str]:
        return [sent.text for sent in self._fake.sent(CHATS[person]) if sent.delivered]

    async def clogs(self, person: str) -> None:
        self._fake.fails(Fault("slow", method="sendMessage", chat_id=CHATS[person], delay_s=3_600, times=0))

    async def drains(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])

    async def goes_away(self) -> None:
        await self._fake.stop()

    async def comes_back(self) -> None:
        await self._fake.start()

    async def refuses(self, person: str) -> None:
        self._fake.blocks(CHATS[person])

    async def loses_answers(self, person: str) -> None:
        self._fake.fails(Fault("lost", method="sendMessage", chat_id=CHATS[person]))

    async def moves(self) -> tuple[Address, Address]:
        self._fake.migrates(GROUP, SUPERGROUP, from_id=CHATS["ann"])
        return Target(777, GROUP).address, Target(777, SUPERGROUP).address


class TelegramUnderTest:
    """What the Bot API can do."""

    abilities: frozenset[Ability] = frozenset(
        {"acknowledges", "repeats", "pushes", "refuses", "loses_answers", "moves"}
    )
    samples = tuple(json.dumps(sample).encode() for sample in SAMPLES)

    def normalize(self, raw: bytes) -> object:
        try:
            update = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"not JSON: {error}") from None
        return normalize(update, BotIdentity(777, "house_bot"))

    @asynccontextmanager
    async def opens(self, intake: RecordingIntake, moves: RecordingMoves) -> AsyncIterator[Peer]:
        async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05) as fake:
            settings = Telegram.model_validate({"token": SecretStr(TOKEN), "api_url": fake.url, "access": "open"})
            network = KIND.build(settings, channel_parts(intake, moves))
            running = asyncio.create_task(network.run())
            try:
                await until(lambda: network.status.state == "ready", "the channel is ready")
                for chat_id in (*CHATS.values(), GROUP):
                    fake.blocks(chat_id, blocked=False)  # a bot can only write to users who have written to it
                yield TelegramPeer(fake, network, running)
            finally:
                running.cancel()
                await asyncio.wait([running])
                await network.close()
