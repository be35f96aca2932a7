"""The HTTP API through real sockets on real Postgres: for a session's user, a stranger and an operator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from gateway.core.model import UserId
from gateway.identity.credentials import digest, new_code
from tests.conftest import own_gateway
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, shared_gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(shared_gateway.url)


@pytest_asyncio.fixture(loop_scope="module")
async def tom(shared_world: World, shared_gateway: Running) -> Person:
    """Another user."""
    return await shared_world.newcomer(shared_gateway.url)


@pytest_asyncio.fixture(loop_scope="module")
async def owner(shared_world: World, shared_gateway: Running) -> Person:
    """An operator."""
    return await shared_world.newcomer(shared_gateway.url, "operator")


async def test_me_returns_the_tokens_user(mia: Person) -> None:
    """`GET /api/me`."""
    assert await mia.gets("/api/me") == {"user_id": mia.user, "role": "user", "expires_at": None}


async def test_a_message_is_answered_in_its_response(mia: Person) -> None:
    """`POST …/messages` waits for the reply, and both become rows of the transcript (AC-5)."""
    session = await mia.posts(SESSIONS, 201, title="A talk")
    sent = await mia.posts(f"{SESSIONS}/{session['session_id']}/messages", 200, text="hello", id="1")
    assert sent["status"] == "completed"
    assert sent["reply"]["role"] == "assistant"
    page = await mia.gets(f"{SESSIONS}/{session['session_id']}/messages")
    assert page == {"messages": [sent["message"], sent["reply"]], "next_before_id": None}


async def test_the_same_id_is_the_same_message(mia: Person) -> None:
    """A retry returns the result of the first call and adds nothing."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"
    first = await mia.posts(path, 200, text="hello", id="1")
    assert await mia.posts(path, 200, text="other", id="1") == first
    assert len((await mia.gets(path))["messages"]) == 2


async def test_a_client_that_does_not_wait_gets_202(mia: Person) -> None:
    """`Prefer: wait=0` (RFC 7240)."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"
    body = {"text": "wait 5 seconds", "id": "1"}
    status, sent = await mia.calls("POST", path, json=body, headers={"Prefer": "wait=0"})
    assert (status, sent["reply"]) == (202, None)
    assert sent["turn_id"]


async def test_a_turn_can_be_cancelled(mia: Person) -> None:
    """`POST /api/turns/{id}/cancel`; a retry of the message then returns `cancelled`."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"
    body = {"text": "wait 30 seconds", "id": "1"}
    _, sent = await mia.calls("POST", path, json=body, headers={"Prefer": "wait=0"})
    await mia.posts(f"/api/turns/{sent['turn_id']}/cancel", 202)
    assert (await mia.posts(path, 200, **body))["status"] == "cancelled"


async def test_a_chat_command_is_answered_by_a_notice(mia: Person) -> None:
    """Commands are the same on every channel and leave no row."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"
    answer = await mia.posts(path, 200, text="/help")
    assert "/new" in answer["notice"]
    assert (await mia.gets(path))["messages"] == []


@own_gateway
async def test_too_many_waiting_messages_are_429(world: World) -> None:
    """A problem that says when to try again; the message was not stored."""
    gateway = await world.gateway(turns={"max_waiting": 1})
    ann = await world.person("ann", gateway.url)
    path = f"{SESSIONS}/{(await ann.posts(SESSIONS, 201))['session_id']}/messages"
    for number in range(2):
        await ann.calls("POST", path, json={"text": "wait 30 seconds", "id": str(number)}, headers={"Prefer": "wait=0"})
    answer, problem = await refused(ann, path)
    assert (answer.status, answer.headers["Retry-After"], problem["title"]) == (429, "5", "Too Many Requests")
    assert "Too many messages are waiting" in problem["detail"]
    assert [row["content"] for row in (await ann.gets(path))["messages"]] == ["wait 30 seconds"] * 2
    assert (await ann.posts(path, 200, text="/stop"))["notice"] == "Stopped."


@own_gateway
async def test_a_message_that_the_strategy_rejects_is_409(world: World) -> None:
    """While an answer is being written; commands are still accepted."""
    gateway = await world.gateway(agents={"assistant": {"kind": "demo", "multitask_strategy": "reject"}})
    ann = await world.person("ann", gateway.url)
    path = f"{SESSIONS}/{(await ann.posts(SESSIONS, 201))['session_id']}/messages"
    await ann.calls("POST", path, json={"text": "wait 30 seconds"}, headers={"Prefer": "wait=0"})
    answer, problem = await refused(ann, path)
    assert (answer.status, problem["title"]) == (409, "Conflict")
    assert "Retry-After" not in answer.headers
    assert "/stop" in problem["detail"]
    assert (await ann.posts(path, 200, text="/stop"))["notice"] == "Stopped."


async def refused(person: Person, path: str) -> tuple[aiohttp.ClientResponse, dict[str, str]]:
    """The problem document that a message gets."""
    headers = {"Authorization": f"Bearer {person.token}"}
    async with person.http.post(f"{person.url}{path}", json={"text": "hello"}, headers=headers) as answer:
        assert answer.content_type == "application/problem+json"
        return answer, await answer.json(content_type=None)


async def test_messages_are_paged_newest_first(mia: Person) -> None:
    """AC-5: `before_id` goes back page by page, each in ascending order; null on the oldest page."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"
    for number in range(3):
        await mia.posts(path, 200, text=f"message {number}")
    seen: list[list[int]] = []
    before: str | None = ""
    while before is not None:
        page = await mia.gets(f"{path}?limit=4" + (f"&before_id={before}" if before else ""))
        seen.append([message["seq"] for message in page["messages"]])
        before = page["next_before_id"]
    assert seen == [[3, 4, 5, 6], [1, 2]]


async def test_sessions_are_listed_latest_first_and_by_channel(mia: Person) -> None:
    """AC-4, AC-13: including sessions without messages."""
    older = await mia.posts(SESSIONS, 201, title="older", metadata={"course": 7})
    newer = await mia.posts(SESSIONS, 201, title="newer")
    listed = await mia.gets(SESSIONS)
    assert [session["session_id"] for session in listed["sessions"]] == [newer["session_id"], older["session_id"]]
    assert listed["total"] == 2
    assert listed["sessions"][1]["metadata"] == {"course": 7}
    assert (await mia.gets(f"{SESSIONS}?channel=telegram"))["sessions"] == []


async def test_cursors_lead_through_all_sessions(mia: Person) -> None:
    """Pages by cursor contain each session once and no total."""
    made = {(await mia.posts(SESSIONS, 201))["session_id"] for _ in range(3)}
    first = await mia.gets(f"{SESSIONS}?limit=2")
    second = await mia.gets(f"{SESSIONS}?limit=2&cursor={first['next_cursor']}")
    assert {session["session_id"] for session in first["sessions"] + second["sessions"]} == made
    assert (second["total"], second["next_cursor"]) == (None, None)


async def test_a_session_can_be_renamed_ended_and_deleted(mia: Person) -> None:
    """`PATCH` and `DELETE`."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}"
    _, changed = await mia.calls("PATCH", path, json={"title": " Mine ", "is_active": False})
    assert (changed["title"], changed["is_active"]) == ("Mine", False)
    assert (await mia.calls("DELETE", path))[0] == 204
    assert (await mia.calls("GET", path))[0] == 404


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "mine now"}),
        ("DELETE", "", None),
        ("GET", "/messages", None),
        ("POST", "/messages", {"text": "hello"}),
    ],
)
async def test_a_foreign_session_looks_like_a_missing_one(
    mia: Person, tom: Person, method: str, tail: str, body: dict[str, str] | None
) -> None:
    """AC-10: the same status, the same words, for every method."""
    session = await mia.posts(SESSIONS, 201)
    foreign = await tom.calls(method, f"{SESSIONS}/{session['session_id']}{tail}", json=body)
    missing = await tom.calls(method, f"{SESSIONS}/no-such-session{tail}", json=body)
    assert foreign == missing
    assert foreign[0] == 404


async def test_a_foreign_turn_cannot_be_cancelled(mia: Person, tom: Person) -> None:
    """AC-10, for turns."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"
    sent = await mia.posts(path, 200, text="hello")
    assert (await tom.calls("POST", f"/api/turns/{sent['turn_id']}/cancel"))[0] == 404


async def test_an_operator_sees_everyone_and_can_narrow(mia: Person, tom: Person, owner: Person) -> None:
    """`user=` narrows an operator's list, and is refused to others."""
    for person in (mia, tom):
        await person.posts(SESSIONS, 201)
    assert {mia.user, tom.user} <= {session["user_id"] for session in (await owner.gets(SESSIONS))["sessions"]}
    toms = await owner.gets(f"{SESSIONS}?user={tom.user}")
    assert {session["user_id"] for session in toms["sessions"]} == {tom.user}
    assert (await mia.calls("GET", f"{SESSIONS}?user={tom.user}"))[0] == 403


async def test_an_operator_writes_as_the_sessions_user(mia: Person, owner: Person) -> None:
    """The message joins the user's session instead of starting one of the operator's."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}/messages"
    assert (await owner.posts(path, 200, text="hello"))["status"] == "completed"
    assert len((await mia.gets(path))["messages"]) == 2


async def test_agents_are_listed_with_the_default_first(mia: Person) -> None:
    """`GET /api/agents`."""
    expected = {"name": "assistant", "kind": "demo", "description": None, "is_default": True}
    assert await mia.gets("/api/agents") == {"agents": [expected]}
    assert expected.items() <= (await mia.gets("/api/agents/assistant")).items()
    assert (await mia.calls("GET", "/api/agents/nobody"))[0] == 404


async def test_the_active_session_comes_with_its_messages(mia: Person) -> None:
    """R-4: null before there is one."""
    assert await mia.gets("/api/agents/assistant/active-session") is None
    session = await mia.posts(SESSIONS, 201)
    await mia.posts(f"{SESSIONS}/{session['session_id']}/messages", 200, text="hello")
    active = await mia.gets("/api/agents/assistant/active-session")
    assert active["session_id"] == session["session_id"]
    assert [message["role"] for message in active["messages"]] == ["user", "assistant"]


async def test_a_token_works_until_it_is_revoked(mia: Person) -> None:
    """The secret is shown once and never listed."""
    made = await mia.posts("/api/tokens", 201, name="laptop", expires="30d")
    laptop = Person(mia.user, made["token"], mia.url, mia.http)
    assert (await laptop.gets("/api/me"))["user_id"] == mia.user
    assert made["token"] not in str(await mia.gets("/api/tokens"))
    assert (await mia.calls("DELETE", f"/api/tokens/{made['id']}"))[0] == 204
    assert (await laptop.calls("GET", "/api/me"))[0] == 401


async def test_only_an_operator_makes_tokens_for_others(mia: Person, owner: Person) -> None:
    """Nobody grants more rights than they have."""
    await mia.posts("/api/tokens", 403, role="operator")
    await mia.posts("/api/tokens", 403, user_id="tom")
    assert (await owner.posts("/api/tokens", 201, user_id="tom"))["user_id"] == "tom"


async def test_a_foreign_token_cannot_be_revoked(mia: Person, tom: Person) -> None:
    """AC-10, for tokens."""
    made = await mia.posts("/api/tokens", 201)
    assert (await tom.calls("DELETE", f"/api/tokens/{made['id']}"))[0] == 404


async def test_a_code_signs_in_once(shared_gateway: Running, mia: Person) -> None:
    """The printed URL's code becomes a token of 30 days, the first time only."""
    code = new_code()
    await shared_gateway.gateway.stores.tokens.add_code(digest(code), UserId("owner"), "operator", timedelta(minutes=5))
    signed_in = await mia.posts("/api/sign-in", 200, code=code)
    console = Person("owner", signed_in["token"], mia.url, mia.http)
    assert (await console.gets("/api/me"))["role"] == "operator"
    await mia.posts("/api/sign-in", 401, code=code)


@own_gateway
async def test_guessing_codes_is_rate_limited(world: World) -> None:
    """Ten tries a minute from one address, then 429 with `Retry-After`."""
    mia = await world.newcomer((await world.gateway()).url)
    for _ in range(10):
        await mia.posts("/api/sign-in", 401, code="guess")
    async with mia.http.post(f"{mia.url}/api/sign-in", json={"code": "guess"}) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) >= 1


DAILY = {
    "name": "News",
    "prompt": "What is new?",
    "timezone": "Europe/Berlin",
    "trigger": {"type": "cron", "expression": "0 8 * * *"},
}


async def test_a_new_schedule_returns_its_first_fire(mia: Person) -> None:
    """201 with `next_fire_at`, in UTC, whatever its time zone."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    assert datetime.fromisoformat(made["next_fire_at"]) > datetime.now(UTC)
    assert made["next_fire_at"].endswith("Z")
    assert made["last_fire_at"] is None
    assert await mia.gets(f"/api/schedules/{made['id']}") == made
    assert await mia.gets("/api/schedules") == {"schedules": [made]}


async def test_a_time_without_an_offset_is_in_the_schedules_zone(mia: Person) -> None:
    """08:00 in January in Berlin is 07:00 in UTC."""
    once = {"type": "once", "at": "2099-01-31T08:00:00"}
    made = await mia.posts("/api/schedules", 201, **{**DAILY, "trigger": once})
    assert made["next_fire_at"] == "2099-01-31T07:00:00Z"


async def test_a_schedule_can_be_run_at_once(mia: Person) -> None:
    """AC-7: the run is a session of its own, channel `scheduled`."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    run = await mia.posts(f"/api/schedules/{made['id']}/run", 202)
    session = await mia.gets(f"{SESSIONS}/{run['session_id']}")
    assert (session["channel"], session["user_id"]) == ("scheduled", mia.user)


async def test_a_schedule_can_be_paused_resumed_and_deleted(mia: Person) -> None:
    """`PATCH` and `DELETE`."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    path = f"/api/schedules/{made['id']}"
    _, paused = await mia.calls("PATCH", path, json={"is_active": False})
    assert (paused["is_active"], paused["next_fire_at"]) == (False, None)
    _, resumed = await mia.calls("PATCH", path, json={"is_active": True})
    assert resumed["next_fire_at"] == made["next_fire_at"]
    assert (await mia.calls("DELETE", path))[0] == 204
    assert (await mia.calls("GET", path))[0] == 404


async def test_a_foreign_schedule_looks_like_a_missing_one(mia: Person, tom: Person) -> None:
    """AC-10, for schedules."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/run")):
        foreign = await tom.calls(method, f"/api/schedules/{made['id']}{tail}")
        missing = await tom.calls(method, f"/api/schedules/00000000-0000-4000-8000-000000000000{tail}")
        assert foreign == missing
        assert foreign[0] == 404


async def test_health_readiness_and_metrics(mia: Person) -> None:
    """Open to clients on the same machine."""
    assert await mia.gets("/healthz") == {"status": "ok"}
    ready = await mia.gets("/readyz")
    assert ready["status"] == "ready"
    assert {"database", "migrated"} <= {check["name"] for check in ready["checks"]}
    async with mia.http.get(f"{mia.url}/metrics") as response:
        assert "python_info" in await response.text()


async def test_metrics_behind_a_proxy_are_for_operators(mia: Person, owner: Person) -> None:
    """A proxy on the same machine does not make its clients local."""
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    assert (await mia.calls("GET", "/metrics", headers=forwarded))[0] == 403
    headers = {**forwarded, "Authorization": f"Bearer {owner.token}"}
    async with mia.http.get(f"{mia.url}/metrics", headers=headers) as response:
        assert response.status == 200


@own_gateway
async def test_metrics_cover_requests_queues_and_the_loop(world: World) -> None:
    """Requests by route, sockets, queues, token types, pools, and the event loop's lag."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="wait 30 seconds")
    running = await socket.hears("ack")
    await socket.says(type="send", id="m2", text="hello")
    await socket.hears("ack")
    await ann.gets(f"{SESSIONS}/{running['session_id']}")

    async def told() -> bool:
        async with ann.http.get(f"{ann.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        route = 'method="GET",route="/api/chat/sessions/{session_id}",status="2xx"'
        return (
            float(values[f"turngate_http_request_seconds_count{{{route}}}"]) >= 1
            and float(values["turngate_sockets"]) >= 1
            and float(values["turngate_turns_queued"]) == 1
            and float(values["turngate_turns_queued_oldest_seconds"]) > 0
            and float(values["turngate_outbox_unsent"]) == 0
            and float(values["turngate_connections"]) >= 1
            and float(values["turngate_loop_lag_seconds_count"]) >= 1
            and 'turngate_database_connections{pool="app",state="idle"}' in values
        )

    await eventually(told)


@pytest.mark.parametrize("host", ["attacker.example:8080", "127.0.0.1.attacker.example", "[::1"])
async def test_metrics_are_refused_to_rebound_hosts(host: str, mia: Person) -> None:
    """A page whose name resolves to this machine (DNS rebinding) sends its name in `Host`, and needs a token."""
    async with mia.http.get(f"{mia.url}/metrics", headers={"Host": host}) as response:
        assert response.status == 401


async def test_pages_connect_to_their_own_gateway_only(mia: Person) -> None:
    """Their content security policy names its WebSocket, and no other."""
    async with mia.http.get(f"{mia.url}/") as response:
        policy = response.headers["Content-Security-Policy"]
    host = mia.url.removeprefix("http://")
    assert f"connect-src 'self' ws://{host} wss://{host};" in policy


async def test_openapi_describes_the_routes(mia: Person) -> None:
    """With parameters, bodies, responses and a reading page."""
    document = await mia.gets("/openapi.json")
    assert document["openapi"].startswith("3.")
    sessions = document["paths"][SESSIONS]
    limit = next(parameter for parameter in sessions["get"]["parameters"] if parameter["name"] == "limit")
    assert limit["schema"]["maximum"] == 200
    assert "201" in sessions["post"]["responses"]
    sending = document["paths"][f"{SESSIONS}/{{session_id}}/messages"]["post"]["responses"]
    assert {"200", "202", "400", "401", "403", "404", "409", "413", "429", "503"} == set(sending)
    async with mia.http.get(f"{mia.url}/docs") as response:
        assert "/api/chat/sessions" in await response.text()
