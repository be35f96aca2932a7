"""A bot with accounts to link, and a user who has linked one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.app.running.serve import Running
from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram.driver import ADA, TOKEN
from tests.integration.telegram.linking import a_code, settings, told
from tests.world import Person, World


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    """A Bot API server."""
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, webhook_backoff_s=0.05) as server:
        yield server


@pytest.fixture
async def gateway(world: World, fake: FakeBotApi) -> Running:
    """A gateway with the bot."""
    return await world.gateway(telegram=settings(fake))


@pytest.fixture
async def ann(world: World, fake: FakeBotApi, gateway: Running) -> Person:
    """A user, linked to Ada's account, at a replica without the bot."""
    ann = await world.person("ann", gateway.url)
    await told(fake, ADA, f"/link {(await a_code(ann))['code']}")
    return Person(ann.user, ann.token, (await world.gateway(data_dir="other")).url, ann.http)
