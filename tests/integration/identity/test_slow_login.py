"""A slow login server delays no request whose key is known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from gateway.identity.published_keys import FRESH_S, PublishedKeys
from tests.world import eventually

KEY = rsa.generate_private_key(65_537, 2_048)


@dataclass
class Login:
    """A key server that responds when the test allows it."""

    kid: str = "one"
    fetched: int = 0
    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, _request: web.Request) -> web.Response:
        self.fetched += 1
        await self.let.wait()
        key = {**json.loads(RSAAlgorithm.to_jwk(KEY.public_key())), "kid": self.kid, "use": "sig", "alg": "RS256"}
        return web.json_response({"keys": [key]})


@dataclass
class Clock:
    """A clock that moves on demand."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def login() -> Login:
    return Login()


@pytest.fixture
async def keys(login: Login) -> AsyncIterator[tuple[PublishedKeys, Clock]]:
    """Fetched keys that are slightly too old; the login has become slow since."""
    app = web.Application()
    app.router.add_get("/keys", login.answer)
    async with TestServer(app) as server:
        clock = Clock()
        published = PublishedKeys(str(server.make_url("/keys")), clock)
        login.let.set()
        assert await published.key("one") is not None
        login.let.clear()
        clock.now += FRESH_S
        yield published, clock
        login.let.set()


def without_waiting(asked: Coroutine[object, None, object]) -> object:
    """The result of a coroutine that never suspends."""
    try:
        asked.send(None)
    except StopIteration as ended:
        return ended.value
    asked.close()
    raise AssertionError("it waited")


async def test_a_known_key_is_accepted_during_a_fetch(login: Login, keys: tuple[PublishedKeys, Clock]) -> None:
    """One request starts the fetch and waits briefly, the others do not wait."""
    published, _clock = keys
    assert await published.key("one") is not None
    assert None not in [without_waiting(published.key("one")) for _ in range(100)]
    assert login.fetched == 2


async def test_a_background_fetch_takes_effect(login: Login, keys: tuple[PublishedKeys, Clock]) -> None:
    """A removed key is refused as soon as the login has responded."""
    published, _clock = keys
    login.kid = "two"
    assert await published.key("one") is not None
    login.let.set()

    async def gone() -> bool:
        return await published.key("one") is None

    await eventually(gone)
    assert await published.key("two") is not None
    assert login.fetched == 2


async def test_an_unknown_key_waits_for_the_fetch_in_progress(login: Login, keys: tuple[PublishedKeys, Clock]) -> None:
    """It may be the new one."""
    published, _clock = keys
    login.kid = "two"
    known = asyncio.create_task(published.key("one"))
    unknown = asyncio.create_task(published.key("two"))
    assert await known is not None
    assert not unknown.done()
    login.let.set()
    assert await unknown is not None
    assert login.fetched == 2
