"""JWTs verified with published keys."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from channels.table import USER_IDS
from gateway.errors import SettingsError, StoreUnavailable, Unauthenticated
from gateway.identity.logins import Logins, subject
from gateway.identity.settings import Auth

KEY = rsa.generate_private_key(65_537, 2_048)
OTHER = rsa.generate_private_key(65_537, 2_048)


@asynccontextmanager
async def publishing(key: rsa.RSAPrivateKey) -> AsyncIterator[str]:
    """A login that publishes this key; yields its URL."""
    published = {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": "one", "use": "sig", "alg": "RS256"}

    async def keys(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [published]})

    app = web.Application()
    app.router.add_get("/keys", keys)
    async with TestServer(app) as server:
        yield str(server.make_url("/keys"))


def signed(key: rsa.RSAPrivateKey, **claims: Any) -> str:
    """A token of the login."""
    body = {"sub": "zoe", "exp": time.time() + 60, "aud": "chat", "iss": "login", **claims}
    return jwt.encode(body, key, algorithm="RS256", headers={"kid": "one"})


async def test_a_published_key_verifies() -> None:
    """The keys are fetched over HTTP without blocking the loop that serves them."""
    async with publishing(KEY) as url:
        principal = await Logins(Auth(jwks_url=url, audience="chat", issuer="login"), USER_IDS).verify(signed(KEY))
    assert (principal.user_id, principal.role) == ("zoe", "user")


@pytest.mark.parametrize(
    "token",
    [
        signed(OTHER),
        signed(KEY, aud="other"),
        signed(KEY, iss="other"),
        signed(KEY, exp=time.time() - 60),
        jwt.encode({"sub": "zoe", "exp": time.time() + 60}, "s" * 32, algorithm="HS256", headers={"kid": "one"}),
    ],
    ids=["forged", "audience", "issuer", "expired", "symmetric"],
)
async def test_what_the_login_did_not_sign_for_us_is_refused(token: str) -> None:
    """The algorithm is pinned too: a public key is not a shared secret."""
    async with publishing(KEY) as url:
        with pytest.raises(Unauthenticated):
            await Logins(Auth(jwks_url=url, audience="chat", issuer="login"), USER_IDS).verify(token)


async def test_keys_that_cannot_be_fetched_are_not_the_callers_fault() -> None:
    """503, not 401: the token may be valid."""
    async with publishing(KEY) as url:
        pass
    with pytest.raises(StoreUnavailable, match="public keys"):
        await Logins(Auth(jwks_url=url), USER_IDS).verify(signed(KEY))


def test_an_invalid_jwks_url_stops_the_start() -> None:
    """The error names the setting."""
    with pytest.raises(SettingsError, match=r"auth\.jwks_url"):
        Logins(Auth(jwks_url="file:///etc/passwd"), USER_IDS)


async def test_without_a_login_no_jwt_is_valid() -> None:
    """There is nothing to verify it with."""
    with pytest.raises(Unauthenticated):
        await Logins(Auth(), USER_IDS).verify(signed(KEY))


@pytest.mark.parametrize("claim", [None, 5, "", "a\0b", "x" * 256, "telegram:1", "visitor:1", "Telegram:1", "a\nb"])
def test_a_reserved_or_invalid_sub_is_refused(claim: object) -> None:
    """Other users' reserved names, and invalid ones."""
    with pytest.raises(Unauthenticated):
        subject(claim, USER_IDS)
