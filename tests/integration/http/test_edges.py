"""The edges of HTTP: HEAD, content codings, expectations, upgrades. Each refusal is a helpful problem document."""

from __future__ import annotations

import gzip
import json
import logging
import re
import zlib
from typing import Any

import pytest
import pytest_asyncio
import structlog
from aiohttp import hdrs

from gateway.agents.python.settings import PythonAgentSettings
from gateway.api.server import PAGES, ROUTES
from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED, own_gateway
from tests.integration.agents import answering_agents
from tests.integration.http.raw_http import connected, exchange, request
from tests.world import Person, World

SESSIONS = "/api/chat/sessions"
SHOP = "https://shop.example"
UPGRADING: Any = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
STREAMED = (
    f"{SESSIONS}/{{session_id}}/export",
    "/api/me/export",
    "/api/users/{user_id}/export",
    "/api/chat/{chat_id}/stream",
)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway with the demo agent, and one that never ends its answer."""
    patient = PythonAgentSettings(kind="python", target=f"{answering_agents.__name__}:patient")
    return await shared_world.gateway(
        agents={"assistant": {"kind": "demo"}, "patient": patient},
        web={"allowed_origins": [SHOP], "anonymous": True},
        replica=UNHURRIED,
    )


@pytest_asyncio.fixture(loop_scope="module")
async def owner(shared_world: World, gateway: Running) -> Person:
    """An operator."""
    return await shared_world.newcomer(gateway.url, "operator")


@pytest_asyncio.fixture(loop_scope="module")
async def names(owner: Person) -> dict[str, str]:
    """A value for each parameter of a route's path: existing objects, and a conversation with an answer in progress."""
    session = (await owner.posts(SESSIONS, 201))["session_id"]
    await owner.posts(f"{SESSIONS}/{session}/messages", 200, text="Hello")
    await owner.posts(f"{SESSIONS}/{session}/snapshots", 201)
    parts = [{"type": "text", "text": "Hello"}]
    asked = {"id": "talk", "agent": "patient", "messages": [{"id": "m", "role": "user", "parts": parts}]}
    async with connected(owner.url) as (reader, writer):
        body = json.dumps(asked).encode()
        writer.write(request(owner, "POST /api/chat", body, Content_Type="application/json"))
        await reader.readuntil(b"going to say")
    schedule = await owner.posts(
        "/api/schedules", 201, name="n", prompt="p", trigger={"type": "interval", "seconds": 3600}
    )
    return {
        "session_id": session,
        "message_id": f"{session}.1",
        "number": "1",
        "user_id": owner.user,
        "chat_id": "talk",
        "name": "assistant",
        "schedule_id": schedule["id"],
        "model": "assistant",
        "path": "nothing.js",
    }


async def test_no_body_follows_a_response_to_head(owner: Person, names: dict[str, str]) -> None:
    """RFC 9110, 9.3.2: it would be read as the next response on the connection, perhaps another user's."""
    wordy = []
    for path in [*(route.path for route in ROUTES if route.method == "GET"), *(page.path for page in PAGES), "/ws"]:
        asked = re.sub(r"\{(\w+)[^}]*\}", lambda found: names[found[1]], path)
        answer = await exchange(owner, f"HEAD {asked}")
        if answer.rest or answer.status >= 500:
            wordy.append((path, answer.status, answer.rest[:40]))
    assert wordy == []


@pytest.mark.parametrize("path", [*STREAMED, "/ws"])
async def test_streams_do_not_accept_head(owner: Person, names: dict[str, str], path: str) -> None:
    """405, which lists the accepted methods."""
    answer = await exchange(owner, f"HEAD {path.format(**names)}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET,OPTIONS")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_head_opens_no_socket(owner: Person) -> None:
    """Its frames would follow a response that has no body."""
    async with connected(owner.url) as (reader, writer):
        writer.write(request(owner, "HEAD /ws", **UPGRADING, Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA=="))
        assert b" 405 " in await reader.readuntil(b"\r\n")


# Content codings ------------------------------------------------------------------------------------------------------

ROUTES_WITH_BODIES = (SESSIONS, "/api/chat", "/api/tokens", "/v1/chat/completions", "/api/visitors", "/api/sign-in")
CODED = {
    "gzip": b'{"text": "hi"}',
    "deflate": b'{"text": "hi"}',
    "br": b'{"text": "hi"}',
    "zstd": b'{"text": "hi"}',
    "made-up": b'{"text": "hi"}',
    "gzip, gzip": gzip.compress(gzip.compress(b"{}")),
    " GZIP": gzip.compress(b'{"title": "Half of it, so to speak"}')[:20],
    "Deflate": zlib.compress(b'{"title": "Half of it, so to speak"}')[:20],
}


@pytest.mark.parametrize("path", ROUTES_WITH_BODIES)
async def test_a_body_that_does_not_match_its_coding(
    owner: Person, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """400 in the route's own shape, with one message for every fault, and no error in the log."""
    told = set()
    with structlog.testing.capture_logs() as logged, caplog.at_level(logging.WARNING):
        for coding, body in CODED.items():
            answer = await exchange(
                owner, f"POST {path}", body, Content_Encoding=coding, Content_Type="application/json", Origin=SHOP
            )
            assert answer.status == 400, (coding, answer)
            told.add(json.loads(answer.rest)["error"]["message"] if path.startswith("/v1") else answer.problem())
    assert len(told) == 1
    assert "Content-Encoding" in told.pop()
    assert [entry for entry in logged if entry["log_level"] in {"warning", "error"}] == []
    assert caplog.records == []


async def test_a_wrong_coding_without_a_token(owner: Person) -> None:
    """No body is decoded before the caller is authenticated."""
    answer = await exchange(owner, f"POST {SESSIONS}", b"{}", Content_Encoding="gzip", Authorization="")
    assert answer.status == 401


def raw_deflate(body: bytes) -> bytes:
    """Deflate without the zlib wrapper, as some clients send it."""
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(body) + coder.flush()


@pytest.mark.parametrize(
    ("coding", "code"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)],
)
async def test_coded_bodies_are_accepted(owner: Person, coding: str, code: Any) -> None:
    """RFC 9110, 8.4.1."""
    body = code(json.dumps({"title": "Small"}).encode())
    answer = await exchange(owner, f"POST {SESSIONS}", body, Content_Encoding=coding, Content_Type="application/json")
    assert answer.status == 201
    assert json.loads(answer.rest)["title"] == "Small"


async def test_a_coded_body_counts_with_its_decoded_size(owner: Person) -> None:
    """413 at the first byte too many: megabytes of one letter compress well."""
    body = gzip.compress(b'{"title": "' + b"x" * 50_000_000 + b'"}')
    answer = await exchange(owner, f"POST {SESSIONS}", body, Content_Encoding="gzip", Content_Type="application/json")
    assert answer.status == 413
    assert "limits.max_frame" in answer.problem()


async def test_invalid_chunks(owner: Person) -> None:
    """400 as well, and no error in the log."""
    with structlog.testing.capture_logs() as logged:
        async with connected(owner.url) as (reader, writer):
            writer.write(request(owner, f"POST {SESSIONS}", Transfer_Encoding="chunked") + b"zz\r\n{}\r\n0\r\n\r\n")
            assert b" 400 " in await reader.readuntil(b"\r\n")
    assert [entry for entry in logged if entry["log_level"] == "error"] == []


async def test_a_caller_who_disconnects_within_a_body(owner: Person) -> None:
    """No response is needed, and the log contains no error."""
    with structlog.testing.capture_logs() as logged:
        async with connected(owner.url) as (_, writer):
            writer.write(request(owner, f"POST {SESSIONS}", Content_Length="100") + b"{")
            await writer.drain()
        assert (await owner.calls("GET", "/api/me"))[0] == 200
    assert [entry for entry in logged if entry["log_level"] == "error"] == []


# Expectations and upgrades --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/me", "/healthz", "/v1/models"])
async def test_an_unknown_expectation(owner: Person, path: str) -> None:
    """417 in the route's own shape, which lists the valid expectations."""
    answer = await exchange(owner, f"GET {path}", Expect="wat")
    assert answer.status == 417
    told = json.loads(answer.rest)["error"]["message"] if path.startswith("/v1") else answer.problem()
    assert "100-continue" in told


async def test_a_client_that_expects_100_gets_it(owner: Person) -> None:
    """RFC 9110, 10.1.1: large bodies are sent after a 100."""
    async with connected(owner.url) as (reader, writer):
        writer.write(request(owner, f"POST {SESSIONS}", Expect="100-continue", Content_Length="2"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert b" 201 " in await reader.readuntil(b"\r\n")


async def test_a_socket_without_an_upgrade(owner: Person) -> None:
    """426, which names the protocol to upgrade to (RFC 9110, 15.5.22)."""
    answer = await exchange(owner, "GET /ws")
    assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
    assert "upgrade" in answer.headers["connection"].lower()
    assert "WebSocket" in answer.problem()


async def test_an_incomplete_upgrade(owner: Person) -> None:
    """400, and the message does not mention a body."""
    async with connected(owner.url) as (reader, writer):
        writer.write(request(owner, "GET /ws", **UPGRADING))
        assert b" 400 " in await reader.readuntil(b"\r\n")
        told = json.loads((await reader.readuntil(b"}")).partition(b"\r\n\r\n")[2])
    assert "body" not in told["detail"]
    assert "andshake" in told["detail"]


async def test_an_umlaut_that_is_not_percent_encoded(owner: Person, caplog: pytest.LogCaptureFixture) -> None:
    """The parser's errors are problems, too, and say what to do. Strangers cannot fill the log with errors."""
    answer = await exchange(owner, f"GET {SESSIONS}?q=größe")
    assert answer.status == 400
    assert "percent-encode" in answer.problem()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# Accept ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/event-stream;q=0", "application/json"),
        ("application/json, text/event-stream; Q=0.000", "application/json"),
        ("text/event-stream-of-mine", "application/json"),
        ("application/json;q=0.5, Text/Event-Stream;q=0.1", "text/event-stream"),
    ],
)
async def test_which_accept_headers_ask_for_a_stream(owner: Person, accept: str, media: str) -> None:
    """RFC 9110, 12.4.2: a weight of 0 means no."""
    session = (await owner.posts(SESSIONS, 201))["session_id"]
    headers = {hdrs.AUTHORIZATION: f"Bearer {owner.token}", hdrs.ACCEPT: accept}
    path = f"{owner.url}{SESSIONS}/{session}/messages"
    async with owner.http.post(path, json={"text": "Hello"}, headers=headers) as response:
        assert (response.status, response.content_type) == (200, media)


# Metadata and state ---------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def session(owner: Person) -> str:
    """The path of a session."""
    return f"{SESSIONS}/{(await owner.posts(SESSIONS, 201))['session_id']}"


async def test_metadata_that_is_too_large(owner: Person, session: str) -> None:
    """413, as for anything too large."""
    large = {"metadata": {"a": "x" * 20_000}}
    created, changed = await owner.calls("POST", SESSIONS, json=large), await owner.calls("PATCH", session, json=large)
    assert (created[0], changed[0]) == (413, 413)
    assert "16384 bytes" in created[1]["detail"]


@pytest.mark.parametrize("key", ["", "k" * 101])
async def test_metadata_with_a_key_that_lists_cannot_filter_by(owner: Person, session: str, key: str) -> None:
    """400, which names the rule."""
    for method, path in (("POST", SESSIONS), ("PATCH", session)):
        status, told = await owner.calls(method, path, json={"metadata": {key: 1}})
        assert (status, "1 to 100 characters" in told["detail"]) == (400, True)
    assert (await owner.calls("PATCH", session, json={"metadata": {"k" * 100: {"": 1}}}))[0] == 200


async def test_numbers_are_compared_as_stored(owner: Person) -> None:
    """As docs/search.md says."""
    body = b'{"metadata": {"n": 1e2, "m": 7}}'
    headers = {"Content-Type": "application/json"}
    assert (await owner.calls("POST", SESSIONS, data=body, headers=headers))[0] == 201
    totals = [
        (await owner.gets(f"{SESSIONS}?metadata.{pair}"))["total"] for pair in ("n=100.0", "n=1e2", "m=7", "m=7.0")
    ]
    assert totals == [1, 0, 1, 0]


@pytest.mark.parametrize("section", ["blackboard", "scratchpad", "attributes"])
async def test_a_state_is_not_null(owner: Person, session: str, section: str) -> None:
    """Null would have no effect, but look as if it had one."""
    status, told = await owner.calls("PUT", f"{session}/state", json={section: None}, headers={"If-Match": "*"})
    assert (status, "may not be null" in told["detail"]) == (400, True)
    assert section in told["detail"]


@own_gateway
async def test_a_message_that_is_too_long(world: World) -> None:
    """The error is the same wherever the message is sent."""
    gateway = await world.gateway(turns={"max_text": 10}, data_dir="short")
    mia = await world.person("mia", gateway.url)
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    sent = await mia.posts(f"{SESSIONS}/{session}/messages", 413, text="x" * 11)
    ui = {"id": "m", "role": "user", "parts": [{"type": "text", "text": "x" * 11}]}
    assert sent["detail"] == (await mia.posts("/api/chat", 413, id="c", messages=[ui]))["detail"]
