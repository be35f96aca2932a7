"""Bad input gets a clear error, loses nothing, and affects nobody else."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from gateway.app.running.serve import running_gateway
from tests.relay import relay_to_database
from tests.world import Person, Process, Socket, World, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]
on_its_own_loop = pytest.mark.asyncio(loop_scope="function")


@pytest.fixture
def ann(newcomer: Person) -> Person:
    """A person at a gateway."""
    return newcomer


async def still_answers(socket: Socket) -> None:
    """Checks that the socket still works."""
    reply = await socket.asks("hello", "after-the-bad-one")
    assert reply["content"]


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        '"text"',
        "{}",
        '{"type":"dance"}',
        '{"type":"send","id":"m1"}',
        '{"type":"send","id":"","text":"a"}',
        '{"type":"send","id":"m1","text":"\\ud800"}',
    ],
)
async def test_a_malformed_frame_gets_an_error(ann: Person, frame: str) -> None:
    """Non-JSON, unknown types, missing fields: the socket stays open."""
    socket = await ann.connects()
    await socket.socket.send_str(frame)
    error = await socket.hears("error")
    assert error["message"]
    await still_answers(socket)


@pytest.mark.parametrize("text", ["a\0b", "", "   ", "x" * 100_001])
async def test_an_unacceptable_text_gets_an_error_with_its_id(ann: Person, text: str) -> None:
    """NUL, an empty text, too long a text: refused before anything is stored."""
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text=text)
    error = await socket.hears("error")
    assert error["id"] == "m1"
    await still_answers(socket)


async def test_ten_megabytes_of_text_close_only_their_own_socket(ann: Person) -> None:
    """With 1009; the next socket works."""
    socket, other = await ann.connects(), await ann.connects()
    await socket.socket.send_str('{"type":"send","id":"m1","text":"' + "x" * 10_000_000 + '"}')
    assert await socket.closes() == 1009
    await still_answers(other)


async def test_a_wrong_token_is_refused(ann: Person) -> None:
    """With 4401."""
    socket = await ann.opens()
    await socket.says(type="hello", token="tg_wrong")
    assert await socket.closes() == 4401


async def test_unknown_and_foreign_sessions_look_the_same(shared_world: World, ann: Person) -> None:
    """AC-10: over WebSocket and HTTP alike."""
    bob = await shared_world.person("bob", ann.url)
    foreign = (await (await bob.connects()).asks("mine", "m1"))["session_id"]
    answers: list[Any] = []
    for session_id in (foreign, "00000000-0000-0000-0000-000000000000", "nonsense"):
        socket = await ann.opens()
        await socket.says(type="hello", token=ann.token, session_id=session_id)
        answers.append(await socket.hears("error"))
        answers.append(await ann.calls("GET", f"/api/chat/sessions/{session_id}/messages"))
    assert answers[0]["code"] == "not_found"
    assert answers[1][0] == 404
    assert answers[0::2] == [answers[0]] * 3
    details = [{key: value for key, value in body.items() if key != "instance"} for _, body in answers[1::2]]
    assert details == [details[0]] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"},
        {"trigger": {"type": "cron", "expression": "0 0 30 2 *"}},
        {"trigger": {"type": "cron", "expression": "every day"}},
        {"trigger": {"type": "interval", "seconds": 0}},
        {"trigger": {"type": "once", "at": "2001-01-01T00:00:00Z"}},
        {"trigger": {"type": "moon"}},
        {"prompt": "a\0b"},
        {"name": ""},
    ],
)
async def test_a_schedule_that_cannot_work_is_refused(ann: Person, wrong: dict[str, Any]) -> None:
    """The error says what is valid, and nothing is stored."""
    body = {
        "name": "Morning",
        "agent_name": "assistant",
        "prompt": "hello",
        "trigger": {"type": "interval", "seconds": 60},
        "timezone": "UTC",
    }
    problem = await ann.posts("/api/schedules", 400, **{**body, **wrong})
    assert problem["detail"]
    assert (await ann.gets("/api/schedules"))["schedules"] == []


async def test_a_body_that_is_not_utf8_is_refused(ann: Person) -> None:
    """With 400 and problem+json."""
    status, problem = await ann.calls(
        "POST", "/api/schedules", data=b'{"name": "\xff"}', headers={"Content-Type": "application/json"}
    )
    assert (status, problem["status"]) == (400, 400)


@on_its_own_loop
async def test_a_gateway_waits_for_its_database(world: World) -> None:
    """The gateway listens, says why it is not ready, answers 503, and serves once the database is available."""
    port = await relay_to_database(world)
    url = f"postgresql://turngate@127.0.0.1:{port.number}{urlsplit(world.database_url).path}"
    starting = asyncio.create_task(world.process(TURNGATE_DATABASE_URL=url))
    try:
        await eventually(port.was_refused)
    finally:
        port.opens()
    gateway: Process = await starting
    ann = await world.person("ann", gateway.url)
    await still_answers(await ann.connects())


@on_its_own_loop
async def test_a_gateway_without_its_database_says_so(world: World) -> None:
    """It is live, names what is missing, and answers 503 with Retry-After."""
    relay = await relay_to_database(world)
    url = f"postgresql://turngate@127.0.0.1:{relay.number}/none"
    world.database_url = url
    async with running_gateway(world.settings()) as running, aiohttp.ClientSession() as http:
        async with http.get(f"{running.url}/healthz") as live:
            assert live.status == 200
        async with http.get(f"{running.url}/readyz") as ready:
            assert ready.status == 503
        async with http.get(f"{running.url}/api/me", headers={"Authorization": "Bearer tg_any"}) as me:
            assert me.status == 503
            assert int(me.headers["Retry-After"]) > 0
