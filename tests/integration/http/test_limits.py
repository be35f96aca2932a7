"""Limits on rates and on open connections; each refusal names its setting and when to try again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.agents.python.settings import PythonAgentSettings
from gateway.app.running.serve import Running
from tests.integration.agents import answering_agents
from tests.world import Person, World, eventually

SHOP = "https://shop.example"
PATIENT = {"patient": PythonAgentSettings(kind="python", target=f"{answering_agents.__name__}:patient")}


async def get(person: Person, path: str, **headers: str) -> aiohttp.ClientResponse:
    """A response, read to the end."""
    async with person.http.get(
        f"{person.url}{path}", headers={"Authorization": f"Bearer {person.token}", **headers}
    ) as response:
        await response.read()
        return response


async def assert_refused(response: aiohttp.ClientResponse, setting: str) -> None:
    """429 with the reason and when to try again."""
    assert response.status == 429
    assert int(response.headers["Retry-After"]) >= 1
    assert f"limits.{setting}" in (await response.json(content_type=None))["detail"]


async def visitor(world: World, gateway: Running) -> Person:
    """A visitor of the shop's page."""
    http = await world.http()
    async with http.post(f"{gateway.url}/api/visitors", headers={"Origin": SHOP}) as response:
        body = await response.json()
    return Person(body["user_id"], body["token"], gateway.url, http)


# Rates ----------------------------------------------------------------------------------------------------------------


async def test_requests_of_a_user(world: World) -> None:
    """They count over all of a user's tokens; another user has a separate limit."""
    gateway = await world.gateway(limits={"requests_per_minute": 2})
    ann, same, bob = [await world.person(name, gateway.url) for name in ("ann", "ann", "bob")]
    assert [(await get(who, "/api/me")).status for who in (ann, same, bob)] == [200] * 3
    await assert_refused(await get(ann, "/api/agents"), "requests_per_minute")
    assert (await get(bob, "/api/me")).status == 200


async def test_requests_of_a_visitor(world: World) -> None:
    """Limited by default; to two here."""
    gateway = await world.gateway(
        web={"allowed_origins": [SHOP], "anonymous": True}, limits={"visitor_requests_per_minute": 2}
    )
    guest = await visitor(world, gateway)
    assert [(await get(guest, "/api/me", Origin=SHOP)).status for _ in range(2)] == [200] * 2
    await assert_refused(await get(guest, "/api/me", Origin=SHOP), "visitor_requests_per_minute")


async def test_requests_from_an_address(world: World) -> None:
    """All except health probes."""
    gateway = await world.gateway(limits={"address_requests_per_minute": 2})
    ann = await world.person("ann", gateway.url)
    assert [(await get(ann, path)).status for path in ("/api/me", "/api/agents")] == [200] * 2
    await assert_refused(await get(ann, "/api/me"), "address_requests_per_minute")
    assert (await get(ann, "/healthz")).status == 200


async def test_v1_refuses_in_openais_format(world: World) -> None:
    """With the same headers."""
    gateway = await world.gateway(limits={"requests_per_minute": 1})
    ann = await world.person("ann", gateway.url)
    await get(ann, "/v1/models")
    response = await get(ann, "/v1/models")
    error = (await response.json())["error"]
    assert (response.status, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert int(response.headers["Retry-After"]) >= 1
    assert "limits.requests_per_minute" in error["message"]


# Wrong tokens ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def guarded(world: World) -> Running:
    """A gateway that checks two wrong tokens a minute."""
    return await world.gateway(limits={"wrong_tokens_per_minute": 2, "trusted_proxies": ["127.0.0.0/8"]})


def holder(of: Person, token: str) -> Person:
    """A user with another token."""
    return Person(of.user, token, of.url, of.http)


async def test_guessing_tokens_is_rate_limited(world: World, guarded: Running) -> None:
    """FACTS 7.14: the third wrong token is not checked, nor is an unknown valid one from that address."""
    ann = await world.person("ann", guarded.url)
    assert [(await get(holder(ann, f"tg_{n}"), "/api/me")).status for n in range(2)] == [401, 401]
    await assert_refused(await get(holder(ann, "tg_3"), "/api/me"), "wrong_tokens_per_minute")
    await assert_refused(await get(ann, "/api/me"), "wrong_tokens_per_minute")
    assert (await get(ann, "/api/me", **{"X-Forwarded-For": "192.0.2.7"})).status == 200


async def test_repeating_one_wrong_token_is_not_guessing(world: World, guarded: Running) -> None:
    """A client with an old token, or with none, gets 401 however often it asks."""
    ann = await world.person("ann", guarded.url)
    assert {(await get(holder(ann, "tg_old"), "/api/me")).status for _ in range(6)} == {401}
    async with ann.http.get(f"{ann.url}/api/me") as response:
        assert response.status == 401


async def test_a_known_token_works_despite_a_guessing_neighbour(world: World, guarded: Running) -> None:
    """A whole company may share one address."""
    ann = await world.person("ann", guarded.url)
    assert (await get(ann, "/api/me")).status == 200
    for number in range(4):
        await get(holder(ann, f"tg_{number}"), "/api/me")
    assert (await get(ann, "/api/me")).status == 200


async def test_guessing_on_sockets_counts_too(world: World, guarded: Running) -> None:
    """1008 instead of 4401."""
    ann = await world.person("ann", guarded.url)
    codes = []
    for number in range(3):
        socket = await ann.opens()
        await socket.says(type="hello", token=f"tg_{number}")
        codes.append(await socket.closes())
    assert codes == [4401, 4401, 1008]
    await assert_refused(await get(holder(ann, "tg_9"), "/api/me"), "wrong_tokens_per_minute")


# Addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trusted", "second"), [(["127.0.0.0/8"], 201), ([], 429)])
async def test_visitors_behind_a_trusted_proxy_have_their_own_addresses(
    world: World, trusted: list[str], second: int
) -> None:
    """ASVS 4.1.3: addresses from any other source can be forged."""
    gateway = await world.gateway(
        web={"allowed_origins": [SHOP], "anonymous": True},
        limits={"visitors_per_minute": 1, "trusted_proxies": trusted},
    )
    http, statuses = await world.http(), []
    for address in ("192.0.2.1", "192.0.2.2"):
        headers = {"Origin": SHOP, "X-Forwarded-For": address}
        async with http.post(f"{gateway.url}/api/visitors", headers=headers) as response:
            statuses.append(response.status)
    assert statuses == [201, second]


# Bodies ---------------------------------------------------------------------------------------------------------------


async def chunks() -> AsyncIterator[bytes]:
    """A body without a declared length."""
    yield b'{"model": "assistant", "stream": true, "text": "'
    for _ in range(4):
        yield b"x" * 1000
    yield b'"}'


@pytest.mark.parametrize("path", ["/api/chat/sessions", "/v1/chat/completions"])
async def test_a_body_without_a_length_is_limited_too(world: World, path: str) -> None:
    """413, as soon as it exceeds the limit."""
    gateway = await world.gateway(limits={"max_frame": 2048})
    ann = await world.person("ann", gateway.url)
    status, body = await ann.calls("POST", path, data=chunks(), headers={"Content-Type": "application/json"})
    assert status == 413
    assert "limits.max_frame" in str(body)


# What is open ---------------------------------------------------------------------------------------------------------


def stream_of(person: Person) -> Any:
    """A stream that stays open."""
    return person.http.post(
        f"{person.url}/v1/chat/completions",
        json={"model": "patient", "stream": True, "messages": [{"role": "user", "content": "Go on"}]},
        headers={"Authorization": f"Bearer {person.token}"},
    )


async def test_streams_of_a_user(world: World) -> None:
    """One at a time here; a closed one makes room, and the refused message was not stored."""
    gateway = await world.gateway(agents=PATIENT, limits={"streams_per_user": 1})
    ann, bob = [await world.person(name, gateway.url) for name in ("ann", "bob")]
    async with stream_of(ann) as first:
        await first.content.readuntil(b"going to say")
        async with stream_of(ann) as second, stream_of(bob) as other:
            assert (second.status, other.status) == (429, 200)
            assert int(second.headers["Retry-After"]) >= 1
            assert "limits.streams_per_user" in (await second.json())["error"]["message"]
    assert (await ann.gets("/api/chat/sessions?metadata.stateless=true"))["total"] == 1

    async def room() -> bool:
        async with stream_of(ann) as again:
            return bool(again.status == 200)

    await eventually(room)


async def test_streams_to_an_address(world: World) -> None:
    """Whichever user they belong to."""
    gateway = await world.gateway(agents=PATIENT, limits={"streams_per_address": 1})
    ann, bob = [await world.person(name, gateway.url) for name in ("ann", "bob")]
    async with stream_of(ann) as first, stream_of(bob) as second:
        assert (first.status, second.status) == (200, 429)
        assert "limits.streams_per_address" in (await second.json())["error"]["message"]


async def test_sockets_of_a_user(world: World) -> None:
    """One at a time here; the second is closed with 1008 until the first has gone."""
    gateway = await world.gateway(limits={"sockets_per_user": 1})
    ann, bob = [await world.person(name, gateway.url) for name in ("ann", "bob")]
    first = await ann.connects()
    await bob.connects()
    second = await ann.opens()
    await second.says(type="hello", token=ann.token)
    assert "limits.sockets_per_user" in (await second.hears("error", code="rate_limited"))["message"]
    assert await second.closes() == 1008
    await first.socket.close()

    async def room() -> bool:
        third = await ann.opens()
        await third.says(type="hello", token=ann.token)
        return bool((await third.hears_next())["type"] == "ready")

    await eventually(room)


async def test_sockets_of_a_visitor(world: World) -> None:
    """Fewer than for any other user."""
    gateway = await world.gateway(web={"allowed_origins": [SHOP], "anonymous": True}, limits={"sockets_per_visitor": 1})
    guest = await visitor(world, gateway)
    sockets = [await guest.opens({"Origin": SHOP}) for _ in range(2)]
    await sockets[0].says(type="hello", token=guest.token)
    await sockets[0].hears("ready")
    await sockets[1].says(type="hello", token=guest.token)
    assert await sockets[1].closes() == 1008


async def test_a_flood_does_not_affect_others(world: World) -> None:
    """FACTS 7.14: while one user is refused again and again, another is served."""
    gateway = await world.gateway(limits={"requests_per_minute": 30})
    ann, bob = [await world.person(name, gateway.url) for name in ("ann", "bob")]
    flood = asyncio.gather(*(get(ann, "/api/me") for _ in range(200)))
    assert [(await get(bob, "/api/me")).status for _ in range(20)] == [200] * 20
    statuses = [response.status for response in await flood]
    assert (statuses.count(200), statuses.count(429)) == (30, 170)
