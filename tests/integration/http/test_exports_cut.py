"""Exports whose callers disconnect or stop reading, and exports that fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import structlog

from gateway.api.parts import STALLED_S
from tests.detours import Detours
from tests.integration.http.raw_http import connected, request
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"
LARGE = "SELECT chat_id, n, 'mia', 'user', 'x', jsonb_build_array(repeat('x', 100000)), 'web', n FROM chat_sessions, generate_series(1, $1::int) AS n"


@pytest.fixture
def stalled_s() -> float:
    """Seconds for which a caller may read nothing."""
    return STALLED_S


@pytest.fixture
async def mia(world: World, detours: Detours, stalled_s: float) -> Person:
    """A user who may have one stream at a time."""
    seams = replace(detours.seams, api=lambda parts: replace(parts, stalled_s=stalled_s))
    gateway = await world.gateway(seams, limits={"streams_per_user": 1})
    return await world.person("mia", gateway.url)


@pytest.fixture
async def export(world: World, mia: Person) -> str:
    """The path of an export larger than all buffers on the way to its reader."""
    made = await mia.posts(SESSIONS, 201)
    await world.rows(
        f"INSERT INTO chat_messages (chat_id, seq, user_id, role, content, parts, channel, turn_seq) {LARGE}", 150
    )
    return f"{SESSIONS}/{made['session_id']}/export"


@pytest.fixture
def logged() -> Any:
    """The log's lines meanwhile."""
    with structlog.testing.capture_logs() as entries:
        yield entries


async def whole(person: Person, path: str) -> int:
    """The status of an export that is read to the end."""
    async with person.http.get(f"{person.url}{path}", headers={"Authorization": f"Bearer {person.token}"}) as response:
        await response.read()
        return response.status


async def comes_free(mia: Person) -> None:
    """Waits until Mia may open a stream again."""

    async def free() -> bool:
        return await whole(mia, "/api/me/export") == 200

    await eventually(free)


async def test_a_caller_who_disconnects(mia: Person, export: str, logged: list[Any]) -> None:
    """Causes no error, and leaves nothing open."""
    async with connected(mia.url) as (reader, writer):
        writer.write(request(mia, f"GET {export}"))
        await reader.readuntil(b"messages")
    await comes_free(mia)
    assert [entry for entry in logged if entry["log_level"] in {"warning", "error"}] == []


@pytest.mark.parametrize("stalled_s", [0.5])
async def test_a_caller_who_stops_reading(mia: Person, export: str, logged: list[Any]) -> None:
    """Is disconnected."""
    async with connected(mia.url) as (reader, writer):
        writer.write(request(mia, f"GET {export}"))
        await reader.readuntil(b"messages")
        await comes_free(mia)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(15_000_000)
    assert [entry for entry in logged if entry["log_level"] in {"warning", "error"}] == []


async def test_an_unexpected_error_during_an_export(
    mia: Person, export: str, logged: list[Any], detours: Detours
) -> None:
    """The connection is cut, with no second response inside the first; the log says why."""

    async def broken(*_: Any) -> Any:
        raise RuntimeError("on purpose")

    detours.divert("exports", "kept", broken)
    async with connected(mia.url) as (reader, writer):
        writer.write(request(mia, f"GET {export}"))
        async with asyncio.timeout(10):
            told = await reader.read(-1)
    assert not told.endswith(b"0\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.count(b"HTTP/1.1") == 1
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == ["stream_cut_off"]


async def test_an_error_before_the_first_byte(mia: Person, detours: Detours) -> None:
    """Gets an ordinary error response, and frees the stream's place."""
    made = await mia.posts(SESSIONS, 201)

    async def broken(*_: Any) -> Any:
        raise RuntimeError("on purpose")

    detours.divert("exports", "kept", broken)
    status, told = await mia.calls("GET", f"{SESSIONS}/{made['session_id']}/export")
    detours.end("exports", "kept")
    assert (status, told["status"]) == (500, 500)
    await comes_free(mia)


async def test_exports_count_as_streams(world: World, mia: Person, export: str) -> None:
    """One at a time here: the second gets 429 with `Retry-After`."""
    async with connected(mia.url) as (reader, writer):
        writer.write(request(mia, f"GET {export}"))
        await reader.readuntil(b"messages")
        headers = {"Authorization": f"Bearer {mia.token}"}
        for path in (export, "/api/me/export"):
            async with mia.http.get(f"{mia.url}{path}", headers=headers) as second:
                assert (second.status, int(second.headers["Retry-After"]) >= 1) == (429, True)
                assert "limits.streams_per_user" in (await second.json(content_type=None))["detail"]
    await comes_free(mia)
