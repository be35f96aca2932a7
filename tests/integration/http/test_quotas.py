"""Quotas on stored objects; the response names the setting and the remedy."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from channels.telegram.name import TELEGRAM
from gateway.app.running.serve import Running
from gateway.core.model import UserId
from gateway.core.ports.users.links import Person as Account
from gateway.errors import Conflict
from gateway.identity.credentials import digest
from tests.world import Person, World

DAILY = {"name": "Daily", "prompt": "hi", "trigger": {"type": "interval", "seconds": 86_400}}


@pytest.fixture
async def gateway(world: World) -> Running:
    """A quota of two for everything."""
    return await world.gateway(limits={"schedules_per_user": 2, "tokens_per_user": 2, "links_per_user": 2})


async def made(person: Person, path: str, **body: Any) -> list[int]:
    """The sorted statuses of three equal concurrent requests."""
    asked = (person.calls("POST", path, json=body) for _ in range(3))
    return sorted(status for status, _ in await asyncio.gather(*asked))


async def test_schedules(world: World, gateway: Running) -> None:
    """One of three concurrent requests is too many; deleting one makes room, and other users have their own quota."""
    ann, bob = [await world.person(name, gateway.url) for name in ("ann", "bob")]
    assert await made(ann, "/api/schedules", **DAILY) == [201, 201, 409]
    problem = await ann.posts("/api/schedules", 409, **DAILY)
    assert "limits.schedules_per_user allows 2. Delete one" in problem["detail"]
    first = (await ann.gets("/api/schedules"))["schedules"][0]["id"]
    assert (await ann.calls("DELETE", f"/api/schedules/{first}"))[0] == 204
    await ann.posts("/api/schedules", 201, **DAILY)
    await bob.posts("/api/schedules", 201, **DAILY)


async def test_tokens(world: World, gateway: Running) -> None:
    """Valid ones count, including the caller's; revoking one makes room."""
    ann = await world.person("ann", gateway.url)
    assert await made(ann, "/api/tokens") == [201, 409, 409]
    problem = await ann.posts("/api/tokens", 409)
    assert "limits.tokens_per_user allows 2. Revoke one" in problem["detail"]
    last = (await ann.gets("/api/tokens"))["tokens"][-1]["id"]
    assert (await ann.calls("DELETE", f"/api/tokens/{last}"))[0] == 204
    await ann.posts("/api/tokens", 201)


async def test_an_operator_signs_in_despite_the_quota(world: World, gateway: Running) -> None:
    """Their own tokens lock nobody out of the console."""
    ann = await world.person("ann", gateway.url)
    await ann.posts("/api/tokens", 201)
    stores = gateway.gateway.stores
    await stores.tokens.add_code(digest("code"), UserId("ann"), "operator", timedelta(hours=1))
    await ann.posts("/api/sign-in", 200, code="code")


async def test_links(world: World, gateway: Running) -> None:
    """The code stays valid when the quota is reached, and an existing link can be renewed."""
    links = gateway.gateway.engine.links
    codes = [await links.own_code(Account(TELEGRAM, str(number))) for number in range(3)]
    for code in codes[:2]:
        assert await links.redeem_for(code, UserId("ann"))
    with pytest.raises(Conflict, match=r"limits\.links_per_user allows 2\. Unlink"):
        await links.redeem_for(codes[2], UserId("ann"))
    again = await links.own_code(Account(TELEGRAM, "1"))
    assert await links.redeem_for(again, UserId("ann"))
    assert await links.redeem_for(codes[2], UserId("bob"))
