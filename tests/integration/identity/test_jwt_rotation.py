"""JWTs of a login that publishes and rotates its keys, and attacks on them: a real JWKS server over HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from channels.table import USER_IDS
from gateway.errors import StoreUnavailable, Unauthenticated
from gateway.identity.logins import Logins
from gateway.identity.published_keys import AFTER_FAILURE_S, FRESH_S, LASTING_S, REFETCH_S, PublishedKeys
from gateway.identity.settings import Auth
from tests.integration.identity.key_server import EC, RSA, Clock, Login, body
from tests.world import World

RSA_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def logins(login: Login) -> Logins:
    return Logins(Auth(jwks_url=login.url, audience="chat", issuer="login"), USER_IDS)


async def test_a_new_key_is_accepted_at_its_first_signature(world: World, login: Login) -> None:
    """Through a whole gateway: RSA, then EC, over HTTP only."""
    gateway = await world.gateway(auth={"jwks_url": login.url, "audience": "chat", "issuer": "login"})
    zoe = await world.person("zoe", gateway.url)
    zoe.token = login.token("one")
    assert (await zoe.gets("/api/me"))["user_id"] == "zoe"
    socket = await zoe.connects()
    assert socket.heard[0]["user_id"] == "zoe"
    assert login.fetched == 1
    zoe.token = login.token("one", aud="another")
    assert (await zoe.calls("GET", "/api/me"))[0] == 401


async def test_rotation_brings_the_new_key_and_drops_the_old(login: Login) -> None:
    """A removed key is refused once the set is fetched again."""
    clock = Clock()
    keys = PublishedKeys(login.url, clock)
    assert await keys.key("one") is not None
    login.keys = {"two": EC}
    clock.now += REFETCH_S
    found = await keys.key("two")
    assert found is not None
    assert found.algorithm_name == "ES256"
    assert await keys.key("one") is None


async def test_an_old_set_is_refreshed_without_an_unknown_key(login: Login) -> None:
    """A leaked and removed key is not trusted for long."""
    clock = Clock()
    keys = PublishedKeys(login.url, clock)
    await keys.key("one")
    login.keys = {"two": EC}
    clock.now += FRESH_S
    assert await keys.key("one") is None


async def test_forged_key_ids_cause_few_fetches(login: Login) -> None:
    """A hundred at once cause one fetch, and a second one only after a while."""
    clock = Clock()
    keys = PublishedKeys(login.url, clock)
    assert await asyncio.gather(*(keys.key(f"forged{number}") for number in range(100))) == [None] * 100
    assert login.fetched == 1
    clock.now += REFETCH_S
    await asyncio.gather(*(keys.key(f"again{number}") for number in range(100)))
    assert login.fetched == 2


async def test_an_unavailable_login_locks_nobody_out_for_an_hour(login: Login) -> None:
    """Known keys stay valid; after that the response is 503, not 401."""
    clock = Clock()
    keys = PublishedKeys(login.url, clock)
    await keys.key("one")
    login.away = True
    clock.now += FRESH_S
    assert await keys.key("one") is not None
    assert await keys.key("one") is not None
    assert login.fetched == 2
    clock.now += AFTER_FAILURE_S
    assert await keys.key("one") is not None
    assert login.fetched == 3
    clock.now += LASTING_S
    with pytest.raises(StoreUnavailable):
        await keys.key("one")
    login.away = False
    clock.now += AFTER_FAILURE_S
    assert await keys.key("one") is not None


def _unsigned() -> str:
    return jwt.encode(body(), "", algorithm="none", headers={"kid": "one"})


def _signed_with_public_key() -> str:
    """HS256, with the published key as if it were a shared secret."""

    def encoded(part: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{encoded(body())}"
    mark = hmac.digest(RSA_PEM, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


REFUSED: dict[str, Callable[[Login], str]] = {
    "alg none": lambda _login: _unsigned(),
    "public key as secret": lambda _login: _signed_with_public_key(),
    "another algorithm of the same key": lambda _login: jwt.encode(
        body(), RSA, algorithm="PS256", headers={"kid": "one"}
    ),
    "another key of the same id": lambda _login: jwt.encode(body(), EC, algorithm="ES256", headers={"kid": "one"}),
    "unknown key": lambda _login: jwt.encode(body(), RSA, algorithm="RS256", headers={"kid": "none of ours"}),
    "no exp": lambda login: login.token("one", exp=None),
    "no sub": lambda login: login.token("one", sub=None),
    "no aud": lambda login: login.token("one", aud=None),
    "no iss": lambda login: login.token("one", iss=None),
    "expired": lambda login: login.token("one", exp=time.time() - 60),
    "not yet": lambda login: login.token("one", nbf=time.time() + 60),
    "another aud": lambda login: login.token("one", aud="other"),
    "another iss": lambda login: login.token("one", iss="other"),
    "somebody of Telegram": lambda login: login.token("one", sub="telegram:5"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_invalid_tokens_are_refused(case: str, login: Login) -> None:
    """The algorithm is the key's own, and every required claim is present (RFC 8725, section 3)."""
    with pytest.raises(Unauthenticated):
        await logins(login).verify(REFUSED[case](login))


async def test_a_published_secret_is_not_a_key(login: Login) -> None:
    """Anybody could read a shared secret in a published set."""
    login.others = [{"kty": "oct", "kid": "open", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ"}]
    token = jwt.encode(body(), b"secret-secret-secret-secret-1234", algorithm="HS256", headers={"kid": "open"})
    with pytest.raises(Unauthenticated):
        await logins(login).verify(token)


async def test_a_single_key_needs_no_id(login: Login) -> None:
    """A login with one key may leave `kid` out; with two it may not."""
    token = jwt.encode(body(), RSA, algorithm="RS256")
    assert (await logins(login).verify(token)).user_id == "zoe"
    login.keys = {"one": RSA, "two": EC}
    with pytest.raises(Unauthenticated):
        await logins(login).verify(token)


async def test_a_shared_secret_pins_its_algorithm() -> None:
    """HS256 and nothing else, with the required claims."""
    secret = "s" * 64
    checks: Callable[[str], Awaitable[Any]] = Logins(
        Auth.model_validate({"jwt_secret": secret, "audience": "chat", "issuer": "login"}), USER_IDS
    ).verify
    assert (await checks(jwt.encode(body(), secret, algorithm="HS256"))).user_id == "zoe"
    for token in (
        jwt.encode(body(), secret, algorithm="HS512"),
        jwt.encode(body(), "", algorithm="none"),
        jwt.encode(body(), RSA, algorithm="RS256"),
        jwt.encode(body(aud=None), secret, algorithm="HS256"),
        jwt.encode(body(), "t" * 64, algorithm="HS256"),
    ):
        with pytest.raises(Unauthenticated):
            await checks(token)
