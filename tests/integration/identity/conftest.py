"""A login for the identity tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.integration.identity.key_server import RSA, Login


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    """A login with one key, and its key server."""
    found = Login({"one": RSA})
    app = web.Application()
    app.router.add_get("/keys", found.answer)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/keys"))
        yield found
