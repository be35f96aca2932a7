"""How a neighbour's wrong tokens affect people at the same address; and the user names that a login may give."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from gateway.identity.credentials import new_api_token
from tests.world import Person, World

SECRET = "s" * 64
PAGE = "https://shop.example"
AUTH = {"jwt_secret": SECRET, "audience": "chat"}


def signed(secret: str = SECRET, **claims: Any) -> str:
    """A new token of the login."""
    body = {"sub": "zoe", "exp": time.time() + 60, "aud": "chat", "jti": str(time.monotonic_ns()), **claims}
    return jwt.encode(body, secret, algorithm="HS256")


async def crowded(world: World) -> Person:
    """A user at an address from which too many wrong tokens came, none signed by the login."""
    gateway = await world.gateway(
        auth=AUTH,
        limits={"wrong_tokens_per_minute": 3},
        web={"allowed_origins": [PAGE], "anonymous": True},
    )
    person = Person("zoe", "", gateway.url, await world.http())
    for status in (401, 401, 401, 429):
        person.token = signed("t" * 64)
        assert (await person.calls("GET", "/api/me"))[0] == status
    return person


async def test_a_new_jwt_is_accepted(world: World) -> None:
    """A guesser does not have the login's key; over HTTP and on a socket."""
    zoe = await crowded(world)
    zoe.token = signed()
    assert (await zoe.gets("/api/me"))["user_id"] == "zoe"
    zoe.token = signed()
    assert (await zoe.connects()).heard[0]["user_id"] == "zoe"


async def test_a_new_visitors_pass_is_accepted(world: World) -> None:
    """The gateway signed it itself."""
    zoe = await crowded(world)
    origin = {"Origin": PAGE}
    async with zoe.http.post(f"{zoe.url}/api/visitors", headers=origin, json={}) as response:
        zoe.token = (await response.json())["token"]
    assert (await zoe.calls("GET", "/api/me", headers=origin))[0] == 200


@pytest.mark.parametrize(
    "token",
    [
        signed("t" * 64),
        signed(exp=time.time() - 60),
        signed(aud="another"),
        signed(sub=" zoe"),
        "nonsense",
        new_api_token(),
    ],
    ids=["forged", "expired", "for another", "of nobody", "no token", "an API token"],
)
async def test_a_possible_guess_is_refused(world: World, token: str) -> None:
    """Without being checked."""
    zoe = await crowded(world)
    zoe.token = token
    assert (await zoe.calls("GET", "/api/me"))[0] == 429


ODD_NAMES = ("   ", " telegram:5", "telegram:5", "Visitor:x", "zoe ", " zoe", "", "zo\ne", "z" * 256)


async def test_a_login_and_a_token_follow_the_same_name_rules(world: World) -> None:
    """A JWT cannot speak for a name that an API token could not have."""
    gateway = await world.gateway(auth=AUTH)
    zoe, root = await world.person("zoe", gateway.url), await world.person("root", gateway.url, role="operator")
    for name in ODD_NAMES:
        assert (await root.calls("POST", "/api/tokens", json={"user_id": name}))[0] == 400, name
        zoe.token = signed(sub=name)
        assert (await zoe.calls("GET", "/api/me"))[0] == 401, name
    for name in ("zoe", "z" * 255, "Zoë Å.", "auth0|5", "zoe@shop.example", "telegram"):
        assert (await root.calls("POST", "/api/tokens", json={"user_id": name}))[0] == 201, name
        zoe.token = signed(sub=name)
        assert (await zoe.gets("/api/me"))["user_id"] == name
