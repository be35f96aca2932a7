"""Updates arrive through the webhook: checked, settled, and only then answered with 200."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from channels.telegram.channel import TelegramChannel
from gateway.api.requests.problems import problems
from gateway.api.webhooks import route_of
from gateway.core.limits.settings import Limits
from gateway.errors import SettingsError
from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram.driver import ADA, TOKEN, Gate, Opens, opens_telegram, until

SECRET = "wh-secret-of-this-test"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], webhook_backoff_s=0.05) as server:
        yield server


@dataclass
class Face:
    """An HTTP server whose one route is the channel's, once there is a channel."""

    url: str = ""
    channel: TelegramChannel | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.channel is None:
            raise web.HTTPServiceUnavailable
        [hook] = self.channel.webhooks()
        assert (hook.method, hook.path) == (request.method, request.path)
        return await route_of(hook, Limits()).handler(request)


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    face = Face()
    app = web.Application(middlewares=[problems])
    app.router.add_route("*", "/{path:.*}", face.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    face.url = f"http://127.0.0.1:{site.port}"
    yield face
    await runner.cleanup()


@pytest.fixture
def opens(fake: FakeBotApi, database_url: str) -> Opens:
    return opens_telegram(fake, database_url)


@pytest.fixture
async def gate(opens: Opens, face: Face) -> AsyncIterator[Gate]:
    async with opens(public_url=face.url, mode="webhook", webhook_secret=SECRET) as running:
        face.channel = running.channel
        await until(lambda: running.channel.status.state == "ready")
        yield running


async def posted(face: Face, body: bytes | io.BytesIO, headers: dict[str, str] | None = None) -> aiohttp.ClientResponse:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{face.url}/webhooks/telegram", data=body, headers=headers) as response,
    ):
        await response.read()
        return response


async def test_telegram_gets_the_webhooks_url_and_secret(fake: FakeBotApi, face: Face, gate: Gate) -> None:
    """Under the public URL."""
    assert fake.bot().webhook.url == f"{face.url}/webhooks/telegram"
    assert fake.bot().webhook.secret_token == SECRET


async def test_a_message_arrives_through_the_webhook(fake: FakeBotApi, gate: Gate) -> None:
    """From Telegram's server over HTTP, confirmed by 200."""
    fake.says(ADA, "hello")
    await until(lambda: gate.intake.texts == ["hello"] and not fake.bot().queue.pending)


async def test_telegram_keeps_messages_while_the_store_is_unavailable(fake: FakeBotApi, face: Face, gate: Gate) -> None:
    """It is asked to retry, and does."""
    gate.intake.away_for = {ADA}
    fake.says(ADA, "hello")
    await until(lambda: gate.intake.tries["hello"])
    assert fake.bot().queue.pending
    gate.intake.away_for = set()
    await until(lambda: gate.intake.texts == ["hello"])


async def test_an_unavailable_store_asks_for_a_retry(face: Face, gate: Gate) -> None:
    """503 and Retry-After."""
    gate.intake.away_for = {ADA}
    message = b'{"message_id": 1, "chat": {"id": 5, "type": "private"}, "from": {"id": 5}, "text": "hello"}'
    response = await posted(face, b'{"update_id": 1, "message": ' + message + b"}", HEADERS)
    assert response.status == 503
    assert response.headers["Retry-After"] == "2"


@pytest.mark.parametrize("secret", [None, "", "wrong", "wh-secret-of-this-test2", "sécret"])
async def test_without_the_secret_nothing_is_read(face: Face, gate: Gate, secret: str | None) -> None:
    """A client that guesses the URL gets 403."""
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    assert (await posted(face, b"{}", headers)).status == 403
    assert not await gate.kept()


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\x00", b"[" * 100_000, b"{}", b'{"message": {"text": 5}}'])
async def test_a_malformed_update_is_quarantined_and_confirmed(face: Face, gate: Gate, body: bytes) -> None:
    """Otherwise it would be repeated for a day and block its chat."""
    assert (await posted(face, body, HEADERS)).status == 200
    assert len(await gate.kept()) == 1


async def test_a_body_beyond_the_limit_is_refused_unread(face: Face, gate: Gate) -> None:
    """413, before any parsing."""
    assert (await posted(face, io.BytesIO(b" " * 1_048_577), HEADERS)).status == 413
    assert not await gate.kept()


async def test_polling_needs_no_route(opens: Opens, fake: FakeBotApi) -> None:
    """No webhook is registered then."""
    async with opens() as gate:
        assert not gate.channel.webhooks()


async def test_a_webhook_needs_a_public_url(opens: Opens, fake: FakeBotApi) -> None:
    """Telegram could not reach the gateway; the start fails and says so."""
    with pytest.raises(SettingsError, match="public_url"):
        async with opens(mode="webhook", webhook_secret=SECRET):
            pass


async def test_the_secret_reaches_no_log(
    opens: Opens, fake: FakeBotApi, face: Face, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at the most verbose level."""
    caplog.set_level(logging.DEBUG)
    async with opens(public_url=face.url, mode="webhook", webhook_secret=SECRET) as gate:
        await until(lambda: gate.channel.status.state == "ready")
    assert fake.bot().webhook.secret_token == SECRET
    assert SECRET not in caplog.text
