"""Conversations through Bot API servers by other authors, during which a gateway is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.counterparts.mockpost import mockpost
from tests.counterparts.telegram_test_api import telegram_test_api
from tests.world import PATIENCE_S, World, eventually

TOKEN = "777:AAF-very-secret-and-35-characters-long"
ADA, BOB = 5, 6
SENDS_BEFORE_DEATH = 2


class Counterpart(Protocol):
    """A Bot API server, and people who use it."""

    @property
    def url(self) -> str: ...

    async def says(self, person: int, text: str) -> None: ...

    async def heard(self, person: int) -> list[str]: ...


@pytest.fixture(params=["telegram-test-api", "mockpost"])
async def counterpart(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Counterpart]:
    """Each of them in turn."""
    running = telegram_test_api(TOKEN) if request.param == "telegram-test-api" else mockpost(tmp_path)
    async with running as server:
        yield server


async def test_a_conversation_outlives_its_gateway(world: World, counterpart: Counterpart) -> None:
    """Promises 1 and 4: killed amid one turn, between another's send and its mark: nothing is lost, one chunk comes twice."""
    env = {
        "TURNGATE_TELEGRAM__TOKEN": TOKEN,
        "TURNGATE_TELEGRAM__API_URL": counterpart.url,
        "TURNGATE_TELEGRAM__ACCESS": "open",
    }
    death = f'{{"after_send": "kill@{SENDS_BEFORE_DEATH}"}}'
    first = await world.process(TURNGATE_FAILPOINTS=death, **env)
    await counterpart.says(ADA, "one")
    await eventually(lambda: counterpart.heard(ADA))
    await counterpart.says(ADA, "wait 1 seconds")
    await eventually(lambda: world.rows("SELECT 1 FROM turns WHERE status = 'running'"))
    await counterpart.says(BOB, "hello")
    await asyncio.wait_for(first.process.wait(), PATIENCE_S)
    await counterpart.says(ADA, "three")
    await world.process(**env)

    async def settled() -> bool:
        rows = await world.rows("SELECT state FROM outbox")
        return len(rows) == 4 and all(row["state"] == "sent" for row in rows)

    await eventually(settled)
    chunks = await world.rows("SELECT address, content FROM outbox ORDER BY item_id")
    for person in (ADA, BOB):
        wanted = [row["content"] for row in chunks if f":{person}:" in row["address"]]
        assert list(dict.fromkeys(await counterpart.heard(person))) == wanted
    heard = Counter([*await counterpart.heard(ADA), *await counterpart.heard(BOB)])
    assert sum(heard.values()) == len(chunks) + 1
