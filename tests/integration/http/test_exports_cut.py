"""Exports whose callers go away or stop reading, and exports that cannot be finished."""

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
    """Seconds that a caller may read nothing."""
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
    """What is logged meanwhile."""
    with structlog.testing.capture_logs() as entries:
        yield entries


async def whole(person: Person, path: str) -> int:
    """The status of an export that is read to its end."""
    async with person.http.get(f"{person.url}{path}", headers={"Authorization": f"Bearer {person.token}"}) as response:
        await response.read()
        return response.status


async def comes_free(mia: Person) -> None:
    """Mia may have a stream again."""

    async def free() -> bool:
        return await whole(mia, "/api/me/export") == 200

    await eventually(free)


async def test_a_caller_who_hangs_up(mia: Person, export: str, logged: list[Any]) -> None:
    """Bothers nobody, and leaves nothing open."""
    async with connected(mia.url) as (reader, writer):
        writer.write(request(mia, f"GET {export}"))
        await reader.readuntil(b"messages")
    await comes_free(mia)
    assert [entry for entry in logged if entry["log_level"] in {"warning", "error"}] == []


@pytest.mark.parametrize("stalled_s", [0.5])
async def test_a_caller_who_stops_reading(mia: Person, export: str, logged: list[Any]) -> None:
    """Is hung up on."""
    async with connected(mia.url) as (reader, writer):
        writer.write(request(mia, f"GET {export}"))
        await reader.readuntil(b"messages")
        await comes_free(mia)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(15_000_000)
    assert [entry for entry in logged if entry["log_level"] in {"warning", "error"}] == []


async def test_an_unforeseen_error_in_the_middle(mia: Person, export: str, logged: list[Any], detours: Detours) -> None:
    """The connection is cut, without a second answer in what there is of the first; the log says why."""

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
    """Is an answer like any other, and the stream's place is free again."""
    made = await mia.posts(SESSIONS, 201)

    async def broken(*_: Any) -> Any:
        raise RuntimeError("on purpose")

    detours.divert("exports", "kept", broken)
    status, told = await mia.calls("GET", f"{SESSIONS}/{made['session_id']}/export")
    detours.end("exports", "kept")
    assert (status, told["status"]) == (500, 500)
    await comes_free(mia)


async def test_exports_count_as_streams(world: World, mia: Person, export: str) -> None:
    """One at a time here: 429 for another, which says when to come back."""
    async with connected(mia.url) as (reader, writer):
        writer.write(request(mia, f"GET {export}"))
        await reader.readuntil(b"messages")
        headers = {"Authorization": f"Bearer {mia.token}"}
        for path in (export, "/api/me/export"):
            async with mia.http.get(f"{mia.url}{path}", headers=headers) as second:
                assert (second.status, int(second.headers["Retry-After"]) >= 1) == (429, True)
                assert "limits.streams_per_user" in (await second.json(content_type=None))["detail"]
    await comes_free(mia)
