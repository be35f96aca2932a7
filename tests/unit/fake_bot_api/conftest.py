"""A fake server, a bot of the real library that talks to it, and the control API."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from telegram import Bot

from tests.fakes.bot_api import FakeBotApi
from tests.unit.fake_bot_api.driver import TOKEN, Control, Hook


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(conflict_penalty_s=0.05, webhook_backoff_s=0.01) as server:
        yield server


@pytest.fixture
async def bot(fake: FakeBotApi, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    # Without it python-telegram-bot warns at every RetryAfter.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    async with Bot(TOKEN, base_url=f"{fake.url}/bot") as started:
        yield started


@pytest.fixture
async def http(fake: FakeBotApi) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(fake.url) as session:
        yield session


@pytest.fixture
def control(http: aiohttp.ClientSession) -> Control:
    return Control(http)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{site.port}/hook"
    yield hook
    await runner.cleanup()
