"""What the HTTP API refuses, and with which messages."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from io import BytesIO
from typing import Any

import pytest
import pytest_asyncio
from yarl import URL

from tests.world import Person, World

SESSIONS = "/api/chat/sessions"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


pytestmark = pytest.mark.asyncio(loop_scope="module")
on_its_own_loop = pytest.mark.asyncio(loop_scope="function")


@pytest.fixture
def mia(newcomer: Person) -> Person:
    """A user."""
    return newcomer


@pytest_asyncio.fixture(loop_scope="module")
async def messages(mia: Person) -> str:
    """The path of a session's messages."""
    return f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"


async def raw(person: Person, path: str, body: bytes, **headers: str) -> tuple[int, str, Any]:
    """Status, content type and JSON of a POST with exactly these bytes."""
    sent = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json", **headers}
    async with person.http.post(f"{person.url}{path}", data=BytesIO(body), headers=sent) as response:
        return response.status, response.content_type, await response.json(content_type=None)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "text"),
        (b"hello", "JSON"),
        (b"[1, 2]", "JSON object"),
        (b'"text"', "JSON object"),
        (b'{"text": "\xff\xfe"}', "UTF-8"),
        (b'{"text": "a\\u0000b"}', "NUL"),
        (b'{"text": "\\ud800"}', "JSON"),
        (b'{"text": 5}', "text"),
        (b'{"text": ""}', "text"),
        (b'{"text": "   "}', "empty"),
        (b'{"txt": "hello"}', "txt"),
        (b'{"text": "hello", "id": ""}', "id"),
        (b'{"text": "hello", "id": "' + b"x" * 129 + b'"}', "id"),
        (b'{"text": ' + b"[" * 100 + b"]" * 100 + b"}", "nested"),
        (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON"),
        (b'{"text": NaN}', "JSON"),
        (b'{"text": "hello", "attachments": [{"id": "1"}]}', "attachments are not supported yet"),
        (b'{"text": "hello", "attachments": "none"}', "attachments"),
    ],
)
async def test_a_bad_message_is_a_400_that_says_why(mia: Person, messages: str, body: bytes, says: str) -> None:
    """None of it is stored, and the next message goes through."""
    status, kind, problem = await raw(mia, messages, body)
    assert (status, kind) == (400, "application/problem+json")
    assert says in problem["detail"]
    assert (await mia.gets(messages))["messages"] == []


@pytest.mark.parametrize("attachments", [None, []])
async def test_a_message_may_have_no_attachments(mia: Person, messages: str, attachments: list[str] | None) -> None:
    """However a client says so."""
    await mia.posts(messages, 200, text="hello", attachments=attachments)


async def test_a_body_in_another_charset_is_refused(mia: Person, messages: str) -> None:
    """JSON is UTF-8 (RFC 8259, section 8.1)."""
    status, _, _ = await raw(
        mia, messages, '{"text": "ä"}'.encode("latin-1"), **{"Content-Type": "a/b; charset=latin-1"}
    )
    assert status == 400


async def test_ten_megabytes_are_413(mia: Person, messages: str) -> None:
    """More than `limits.max_frame`."""
    status, kind, _ = await raw(mia, messages, b'{"text": "' + b"x" * 10_000_000 + b'"}')
    assert (status, kind) == (413, "application/problem+json")


async def test_a_text_above_its_limit_is_413(mia: Person, messages: str) -> None:
    """More than `turns.max_text` characters; exactly the limit is accepted."""
    await mia.posts(messages, 413, text="x" * 100_001)
    await mia.posts(messages, 200, text="x" * 100_000)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=many",
        "limit=1&limit=2",
        "offset=-1",
        "channel=fax",
        "cursor=nonsense",
        "cursor=%00",
        "agent=a%00b",
        "active=perhaps",
        "agent=" + "a" * 500,
    ],
)
async def test_a_bad_query_is_400(mia: Person, query: str) -> None:
    """Each response names the field or rule."""
    status, problem = await mia.calls("GET", f"{SESSIONS}?{query}")
    assert status == 400
    assert problem["detail"]


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_a_cursor_beyond_the_calendar_is_400(mia: Person, at: str) -> None:
    """A forged cursor: its time, in UTC, has no valid year."""
    cursor = urlsafe_b64encode(f"{at} {UNKNOWN}".encode()).decode()
    status, problem = await mia.calls("GET", f"{SESSIONS}?cursor={cursor}")
    assert (status, "cursor" in problem["detail"]) == (400, True)


@pytest.mark.parametrize("name", ["query", "metadata", "bogus"])
async def test_an_unknown_query_parameter_is_400(mia: Person, messages: str, name: str) -> None:
    """A filter without effect would look like one that works; the response lists the valid ones."""
    for path, known in (
        (SESSIONS, "channel, agent, active"),
        (messages, "limit, before_id"),
        ("/api/schedules", "user"),
    ):
        status, problem = await mia.calls("GET", f"{path}?{name}=1")
        assert status == 400
        assert repr(name) in problem["detail"]
        assert known in problem["detail"]


async def test_a_cursor_with_an_offset_is_400(mia: Person) -> None:
    """They exclude each other, offset zero included."""
    await mia.posts(SESSIONS, 201)
    await mia.posts(SESSIONS, 201)
    cursor = (await mia.gets(f"{SESSIONS}?limit=1"))["next_cursor"]
    assert (await mia.calls("GET", f"{SESSIONS}?cursor={cursor}&offset=0"))[0] == 400


@pytest.mark.parametrize("before", ["nonsense", "%00", "x" * 200, UNKNOWN, f"{UNKNOWN}-99999999999999999999"])
async def test_a_bad_before_id_is_400(mia: Person, messages: str, before: str) -> None:
    """A page begins before a message of the session, or at the newest."""
    assert (await mia.calls("GET", f"{messages}?before_id={before}"))[0] == 400


@pytest.mark.parametrize("session_id", ["nonsense", "a%00b", "%ff", "x" * 300, UNKNOWN, "%F0%9F%92%A9", "..%2f.."])
async def test_a_malformed_session_id_is_like_an_unknown_one(mia: Person, session_id: str) -> None:
    """The same 404 for all."""
    status, problem = await mia.calls("GET", f"{SESSIONS}/{session_id}")
    assert (status, problem["detail"]) == (404, "There is no such session.")


@pytest.mark.parametrize(
    "body",
    [
        {"agent_name": 5},
        {"title": ""},
        {"title": "x" * 201},
        {"title": "a\0b"},
        {"metadata": []},
        {"user_id": "tom"},
    ],
)
async def test_a_bad_session_is_400(mia: Person, body: dict[str, Any]) -> None:
    """Unknown keys included."""
    await mia.posts(SESSIONS, 400, **body)


async def test_a_session_with_an_unknown_agent_is_400(mia: Person) -> None:
    """In a body it is the input that is wrong, and the response lists the agents."""
    await mia.posts(SESSIONS, 400, agent_name="nobody")


SCHEDULE = {"name": "News", "prompt": "What is new?", "trigger": {"type": "interval", "seconds": 60}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"trigger": {"type": "cron", "expression": "0 0 30 2 *"}}, "never"),
        ({"trigger": {"type": "cron", "expression": "every day"}}, "expression"),
        ({"trigger": {"type": "cron", "expression": "61 * * * *"}}, "61"),
        ({"trigger": {"type": "once", "at": "2020-01-01T00:00:00Z"}}, "past"),
        ({"trigger": {"type": "once", "at": "soon"}}, "soon"),
        ({"trigger": {"type": "once", "at": "9999-12-31T23:59:59-14:00"}}, "9999"),
        ({"trigger": {"type": "interval", "seconds": 0}}, "seconds"),
        ({"trigger": {"type": "interval", "seconds": 10**12}}, "seconds"),
        ({"trigger": {"type": "interval", "seconds": "60"}}, "seconds"),
        ({"trigger": {"type": "moon"}}, "trigger"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "Europe"}, "timezone"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n\t "}, "The schedule's prompt is empty; it should have 1 to 100000 characters."),
        ({"deliver_to": ["telegram:1:2:0"]}, "deliver_to"),
        ({"deliver_to": ["mail:mia"]}, "deliver_to"),
    ],
)
async def test_a_bad_schedule_is_a_400_that_says_why(mia: Person, change: dict[str, Any], says: str) -> None:
    """A value that cannot be stored or parsed, or a schedule that would never fire."""
    problem = await mia.posts("/api/schedules", 400, **{**SCHEDULE, **change})
    assert says in problem["detail"]
    assert await mia.gets("/api/schedules") == {"schedules": []}


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer tg_wrong", "Bearer a.b.c", "Basic bWlhOm1pYQ==", "Bearer " + "x" * 7_000],
)
async def test_without_a_valid_token_nothing_is_revealed(mia: Person, authorization: str) -> None:
    """AC-10: 401 with a challenge, whether the route exists or not."""
    for path in (SESSIONS, f"{SESSIONS}/{UNKNOWN}", "/api/nothing"):
        async with mia.http.get(f"{mia.url}{path}", headers={"Authorization": authorization}) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert response.content_type == "application/problem+json"


async def test_unknown_routes_and_methods_are_problems_too(mia: Person) -> None:
    """404, and 405 with `Allow`."""
    assert (await mia.calls("GET", "/api/nothing"))[0] == 404
    async with mia.http.put(f"{mia.url}/api/me", headers={"Authorization": f"Bearer {mia.token}"}) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "DELETE,GET,HEAD,OPTIONS"
        assert (await response.json(content_type=None))["status"] == 405


@on_its_own_loop
async def test_an_unavailable_database_is_a_503(world: World) -> None:
    """With `Retry-After`; once it is back, requests work again."""
    mia = await world.person("mia", (await world.gateway()).url)
    async with world.database_away():
        async with mia.http.get(f"{mia.url}{SESSIONS}", headers={"Authorization": f"Bearer {mia.token}"}) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
        async with mia.http.get(f"{mia.url}/readyz") as response:
            assert response.status == 503
    assert (await mia.gets(SESSIONS))["sessions"] == []


@on_its_own_loop
async def test_a_stored_message_is_a_202_when_the_database_goes_away(world: World) -> None:
    """A stored message gets no error that asks for a retry."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    socket = await mia.connects()
    await socket.says(type="watch", session_id=session)
    sending = asyncio.create_task(mia.calls("POST", f"{SESSIONS}/{session}/messages", json={"text": "wait 30 seconds"}))
    await socket.hears("turn", status="running")  # the gateway has heard of the commit, too
    async with world.database_away():
        status, sent = await sending
    assert status == 202
    assert (sent["message"]["content"], sent["reply"]) == ("wait 30 seconds", None)


async def test_pages_come_with_a_strict_policy(mia: Person) -> None:
    """No foreign scripts, no framing, no sniffing, no referrer."""
    async with mia.http.get(f"{mia.url}/") as response:
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/assets/../../server.py", "/assets/%2e%2e/%2e%2e/server.py", "/assets/..%2f..%2fauth.py", "/assets/%00"]
)
async def test_files_outside_the_clients_are_not_served(mia: Person, path: str) -> None:
    """However the path traversal is spelled."""
    url = URL(f"{mia.url}{path}", encoded=True)
    async with mia.http.get(url) as response:
        assert response.status in {404, 503}
        assert "import" not in await response.text()
