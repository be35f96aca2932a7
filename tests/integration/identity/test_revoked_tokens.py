"""A revoked token that a replica still caches can finish a conversation there, but create nothing lasting."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from gateway.api.parts import PARTS
from gateway.api.requests.guard import LONG_S, READING, TALKING
from gateway.api.server import ROUTES
from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running
from gateway.identity.credentials import digest
from tests.clock import Clock
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"
LASTING = sorted(
    f"{route.method} {route.path}"
    for route in ROUTES
    if route.path.startswith("/api/")
    and route.method not in READING
    and route.caller == "token"
    and not (route.method == "POST" and TALKING.fullmatch(route.path))
)
TEXTS = ("/link abc", " /LINK", "/unlink", "/unlink 1")


@pytest.fixture
async def gateway(world: World) -> Running:
    return await world.gateway()


async def revoked(world: World, gateway: Running, role: str = "user") -> Person:
    """A user with a revoked token, at a replica that still caches it."""
    # It rarely refreshes its cache.
    other = await world.gateway(data_dir="other", replica={"sweep_s": 60})
    ann = await world.person("ann", other.url, role)
    await ann.gets("/api/me")
    [token] = (await ann.gets("/api/tokens?user=ann" if role == "operator" else "/api/tokens"))["tokens"]
    here = replace(ann, url=gateway.url)
    assert (await here.calls("DELETE", f"/api/tokens/{token['id']}"))[0] == 204
    return ann


async def test_lasting_changes_are_refused_at_once(world: World, gateway: Running) -> None:
    """P-3: tokens, schedules, links, visitors, erasures: every route that writes, except in conversations."""
    ann = await revoked(world, gateway)
    assert "POST /api/tokens" in LASTING
    answers = {}
    for route in LASTING:
        method, path = re.sub(r"{\w+}", "00000000-0000-4000-8000-000000000000", route).split()
        await world.rows("UPDATE api_tokens SET revoked_at = NULL")
        await ann.gets("/api/me")
        await world.rows("UPDATE api_tokens SET revoked_at = now()")
        assert (await ann.calls("GET", "/api/me"))[0] == 200, "it is not remembered"
        answers[route] = (await ann.calls(method, f"{path}?confirm=ann", json={}))[0]
    assert answers == dict.fromkeys(LASTING, 401)


async def test_a_revoked_token_makes_no_token(world: World, gateway: Running) -> None:
    """P-3: a copy would have the same rights, and stay valid."""
    ann = await revoked(world, gateway)
    await ann.posts("/api/tokens", 401, name="spare")
    assert len(await world.rows("SELECT FROM api_tokens")) == 1


async def test_a_revoked_token_makes_no_operator_token(world: World, gateway: Running) -> None:
    """P-3: for no user."""
    ann = await revoked(world, gateway, "operator")
    await ann.posts("/api/tokens", 401, user_id="bob", role="operator")
    assert len(await world.rows("SELECT FROM api_tokens")) == 1


async def test_a_token_revoked_during_a_slow_body_is_refused(world: World, gateway: Running) -> None:
    """P-3: the token is checked once the request is complete."""
    ann = await world.person("ann", gateway.url)
    [token] = (await ann.gets("/api/tokens"))["tokens"]
    ended = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"name": '
        await ended.wait()
        yield b'"spare"}'

    headers = {"Content-Type": "application/json"}
    asking = asyncio.create_task(ann.calls("POST", "/api/tokens", data=slow(), headers=headers))

    async def used() -> bool:
        return bool(await world.rows("SELECT FROM api_tokens WHERE last_used_at IS NOT NULL"))

    await eventually(used)
    assert (await ann.calls("DELETE", f"/api/tokens/{token['id']}"))[0] == 204
    ended.set()
    assert (await asking)[0] == 401


async def test_a_token_revoked_during_a_slow_message_is_refused(world: World) -> None:
    """P-3: the cached result is checked again after a slow body."""
    clock = Clock()
    ann = await world.person("ann", (await world.gateway(Seams(clock=clock))).url)
    session = await ann.posts(SESSIONS, 201)
    [token] = (await ann.gets("/api/tokens"))["tokens"]
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"text": '
        begun.set()
        await ended.wait()
        yield b'"hello"}'

    path, headers = f"{SESSIONS}/{session['session_id']}/messages", {"Content-Type": "application/json"}
    asking = asyncio.create_task(ann.calls("POST", path, data=slow(), headers=headers))
    await begun.wait()
    assert (await ann.calls("DELETE", f"/api/tokens/{token['id']}"))[0] == 204
    clock.ahead_s += LONG_S
    ended.set()
    assert (await asking)[0] == 401
    assert await world.rows("SELECT FROM chat_messages") == []


@pytest.mark.parametrize("text", TEXTS)
async def test_a_revoked_token_links_no_account(world: World, gateway: Running, text: str) -> None:
    """P-3: nor does it unlink one; chat commands follow the rule of the route."""
    ann = await revoked(world, gateway)
    [session] = await world.rows(
        "INSERT INTO chat_sessions (user_id, channel, agent_name, route)"
        " VALUES ('ann', 'web', 'assistant', 'web:assistant') RETURNING session_id"
    )
    await ann.posts(f"{SESSIONS}/{session['session_id']}/messages", 401, text=text)


async def test_a_revoked_token_links_no_account_by_two_texts(world: World, gateway: Running) -> None:
    """P-3: a chat completion joins the texts that are new in a session, and they begin with a command."""
    ann = await revoked(world, gateway)
    names = {"model": "assistant", "user": "u-1", "metadata": {"chat_id": "trip"}}
    asked = [{"role": "user", "content": "One"}]
    answer = await ann.posts("/v1/chat/completions", 200, **names, messages=asked)
    texts = [{"role": "user", "content": text} for text in ("/link abc", "hello")]
    messages = [*asked, answer["choices"][0]["message"], *texts]
    await ann.posts("/v1/chat/completions", 401, **names, messages=messages)


async def test_a_revoked_token_links_no_account_over_a_socket(world: World, gateway: Running) -> None:
    """P-3: the socket is closed."""
    ann = await revoked(world, gateway)
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text="/link abc")
    assert await socket.closes() == 4401


async def test_a_lookup_during_a_revocation_is_not_cached(world: World, gateway: Running) -> None:
    """P-3: refused at once on this replica, even for a token whose lookup was in progress."""
    ann = await world.person("ann", gateway.url)
    outsider = await asyncpg.connect(world.database_url)
    async with outsider.transaction():
        await outsider.execute("UPDATE api_tokens SET revoked_at = now()")
        asking = asyncio.create_task(ann.calls("GET", "/api/me"))

        async def waits() -> bool:
            return bool(await world.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))

        await eventually(waits)
        gateway.gateway.api[PARTS].authenticator.forget(digest(ann.token))
    await outsider.close()
    assert (await asking)[0] == 200
    assert (await ann.calls("GET", "/api/me"))[0] == 401
