"""Searches of one user leave the database to others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest

from tests.world import Person, World, eventually

SLOW_SEARCH = """
    ALTER FUNCTION search_matches RENAME TO quick_matches;
    CREATE FUNCTION search_matches(boolean, text, text, text, boolean, text[], text[])
    RETURNS TABLE (chat_id uuid, seq bigint, rank real) LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(1);
        RETURN QUERY SELECT * FROM quick_matches($1, $2, $3, $4, $5, $6, $7);
    END $$
"""
SEARCHING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ShareLock'"


@pytest.fixture
async def slow_search(world: World) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Makes searches wait until this connection releases advisory lock 1."""
    connection = await asyncpg.connect(world.database_url)
    await connection.execute(SLOW_SEARCH)
    await connection.execute("SELECT pg_advisory_lock(1)")
    yield connection
    await connection.close()


@pytest.fixture
async def wide() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a limit on its connections."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        yield http


async def searches(person: Person, http: aiohttp.ClientSession) -> tuple[int, str | None]:
    """The status of a search, and its `Retry-After`."""
    headers = {"Authorization": f"Bearer {person.token}"}
    async with http.get(f"{person.url}/api/chat/sessions?q=harbour", headers=headers) as response:
        return response.status, response.headers.get("Retry-After")


async def test_300_searches_of_one_user_leave_room_for_others(
    world: World, slow_search: asyncpg.Connection[asyncpg.Record], wide: aiohttp.ClientSession
) -> None:
    """Four run at a time; another user lists and writes meanwhile. Searches that wait too long get `Retry-After`."""
    gateway = await world.gateway()
    ann, bob = await world.person("ann", gateway.url), await world.person("bob", gateway.url)
    asked = [asyncio.create_task(searches(ann, wide)) for _ in range(300)]
    await eventually(lambda: world.rows(SEARCHING))
    session = (await bob.posts("/api/chat/sessions", 201))["session_id"]
    await bob.posts(f"/api/chat/sessions/{session}/messages", 200, text="hello")
    assert (await bob.gets("/api/chat/sessions"))["total"] == 1
    assert len((await bob.gets(f"/api/chat/sessions/{session}/messages"))["messages"]) == 2
    assert not any(task.done() and task.result()[0] == 200 for task in asked)
    assert len(await world.rows(SEARCHING)) == 4
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await slow_search.execute("SELECT pg_advisory_unlock(1)")
    answers = Counter(await asyncio.gather(*asked))
    assert set(answers) == {(200, None), (429, "2")}
    assert (await searches(ann, wide))[0] == 200
