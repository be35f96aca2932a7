"""A login whose key server is unavailable, or publishes an empty set."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.app.building.seams import Seams
from gateway.errors import StoreUnavailable
from gateway.identity.published_keys import AFTER_FAILURE_S, FRESH_S, REFETCH_S, PublishedKeys
from tests.integration.identity.key_server import EC, Clock, Login
from tests.world import World


async def test_an_unknown_key_during_an_outage_is_a_503(
    world: World,
    login: Login,
) -> None:
    """The token cannot be checked; a known key stays valid."""
    clock = Clock()
    gateway = await world.gateway(
        Seams(clock=clock), auth={"jwks_url": login.url, "audience": "chat", "issuer": "login"}
    )
    zoe = await world.person("zoe", gateway.url)
    zoe.token = login.token("one")
    assert (await zoe.gets("/api/me"))["user_id"] == "zoe"
    clock.now += REFETCH_S
    login.away = True
    login.keys["two"] = EC
    known, unknown = login.token("one", exp=time.time() + 90), login.token("two")
    zoe.token = unknown

    async def status() -> int:
        headers = {"Authorization": f"Bearer {zoe.token}"}
        async with zoe.http.get(f"{zoe.url}/api/me", headers=headers) as response:
            if response.status == 503:
                assert int(response.headers["Retry-After"]) > 0
            return response.status

    assert await status() == 503
    zoe.token = known
    assert await status() == 200


async def test_the_key_server_is_retried(login: Login) -> None:
    """The key is accepted as soon as the login is back."""
    clock = Clock()
    keys = PublishedKeys(login.url, clock)
    await keys.key("one")
    login.away = True
    login.keys["two"] = EC
    clock.now += REFETCH_S
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await keys.key("two")
    assert login.fetched == 2
    assert await keys.key("one") is not None
    login.away = False
    clock.now += AFTER_FAILURE_S
    assert await keys.key("two") is not None


NOTHING: dict[str, list[dict[str, Any]]] = {
    "no keys": [],
    "none that is known": [{"kty": "of the future", "kid": "new"}],
    "none that signs": [
        {"kty": "oct", "kid": "open", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ"}
    ],
}


@pytest.mark.parametrize("case", NOTHING)
async def test_a_set_without_keys_replaces_the_one_before(login: Login, case: str) -> None:
    """The login has withdrawn all its keys; this is not a failure that keeps old keys valid for an hour."""
    clock = Clock()
    keys = PublishedKeys(login.url, clock)
    assert await keys.key("one") is not None
    login.keys, login.others = {}, NOTHING[case]
    clock.now += FRESH_S
    assert await keys.key("one") is None
    assert login.fetched == 2
