"""Pages of other origins, anonymous visitors, and the customer's own login."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED, own_gateway
from tests.world import Person, World

SESSIONS = "/api/chat/sessions"
SHOP = "https://shop.example"
EVIL = "https://evil.example"
LOGIN_SECRET = "a secret of thirty-two bytes or more"


SETTINGS: dict[str, Any] = {"web": {"allowed_origins": [SHOP], "anonymous": True}, "auth": {"jwt_secret": LOGIN_SECRET}}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway whose widget is on a shop's page."""
    return await shared_world.gateway(**SETTINGS, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


async def visits(mia: Person, origin: str | None) -> tuple[int, Any]:
    """A page of `origin` requests a visitor token."""
    headers = {"Origin": origin} if origin else {}
    async with mia.http.post(f"{mia.url}/api/visitors", headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def visitor_of(mia: Person) -> Person:
    """A visitor of the shop."""
    status, made = await visits(mia, SHOP)
    assert status == 201
    return Person(made["user_id"], made["token"], mia.url, mia.http)


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(mia: Person) -> Person:
    """A visitor of the shop."""
    return await visitor_of(mia)


AT_THE_SHOP = {"headers": {"Origin": SHOP}}


async def test_a_visitor_of_an_allowed_page_can_chat(visitor: Person) -> None:
    """The token belongs to a new user."""
    _, session = await visitor.calls("POST", SESSIONS, json={}, **AT_THE_SHOP)
    assert session["user_id"] == visitor.user
    path = f"{SESSIONS}/{session['session_id']}/messages"
    status, sent = await visitor.calls("POST", path, json={"text": "hello"}, **AT_THE_SHOP)
    assert (status, sent["status"]) == (200, "completed")


@pytest.mark.parametrize("origin", [None, EVIL, "null", "http://shop.example", "https://shop.example.evil.example"])
async def test_other_pages_get_no_visitors(mia: Person, origin: str | None) -> None:
    """Not even the same host with another scheme."""
    assert (await visits(mia, origin))[0] == 403


@pytest.mark.parametrize("origin", [None, EVIL, "null"])
async def test_a_visitors_token_works_at_its_own_origin_only(visitor: Person, origin: str | None) -> None:
    """From another origin, or outside a browser, it is refused."""
    headers = {"headers": {"Origin": origin}} if origin else {}
    assert (await visitor.calls("GET", SESSIONS, **headers))[0] == 403


async def test_a_visitor_can_make_neither_tokens_nor_schedules(visitor: Person) -> None:
    """Only accounts can create what would outlive the page."""
    for path in ("/api/tokens", "/api/schedules"):
        assert (await visitor.calls("GET", path, **AT_THE_SHOP))[0] == 403
    assert (await visitor.calls("POST", "/api/tokens", json={}, **AT_THE_SHOP))[0] == 403


@own_gateway
async def test_visitors_and_their_messages_are_rate_limited(world: World) -> None:
    """429 with `Retry-After`, by address and by visitor."""
    gateway = await world.gateway(**SETTINGS, limits={"visitors_per_minute": 3, "visitor_messages_per_minute": 2})
    mia = await world.newcomer(gateway.url)
    visitor = await visitor_of(mia)
    assert [(await visits(mia, SHOP))[0] for _ in range(3)] == [201, 201, 429]
    _, session = await visitor.calls("POST", SESSIONS, json={}, **AT_THE_SHOP)
    path = f"{SESSIONS}/{session['session_id']}/messages"
    sent = [(await visitor.calls("POST", path, json={"text": "hello"}, **AT_THE_SHOP))[0] for _ in range(3)]
    assert sent == [200, 200, 429]


@own_gateway
async def test_a_gateway_without_visitors_says_so(world: World) -> None:
    """`web.anonymous` is off by default."""
    running = await world.gateway(web={"allowed_origins": [SHOP]}, data_dir="closed")
    status, problem = await visits(await world.person("tom", running.url), SHOP)
    assert status == 403
    assert "web.anonymous" in problem["detail"]


async def test_allowed_pages_can_read_responses(mia: Person) -> None:
    """CORS: the preflight needs no token, and errors are readable, too."""
    preflight = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    async with mia.http.options(f"{mia.url}{SESSIONS}", headers=preflight) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == SHOP
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    async with mia.http.get(f"{mia.url}{SESSIONS}", headers={"Origin": SHOP}) as response:
        assert response.status == 401
        assert response.headers["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize("origin", [EVIL, "null"])
async def test_other_pages_can_neither_call_nor_read(mia: Person, origin: str) -> None:
    """Even with a valid token (ASVS 5.0, 4.4.2)."""
    headers = {"Origin": origin, "Authorization": f"Bearer {mia.token}"}
    async with mia.http.get(f"{mia.url}/api/me", headers=headers) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_the_gateways_own_pages_can_call(mia: Person) -> None:
    """The console's Origin is the gateway itself."""
    assert (await mia.calls("GET", "/api/me", headers={"Origin": mia.url}))[0] == 200


def login(**claims: Any) -> str:
    """A token as the customer's login issues it."""
    return jwt.encode({"sub": "zoe", "exp": time.time() + 60, **claims}, LOGIN_SECRET, algorithm="HS256")


async def test_a_jwt_belongs_to_the_user_in_sub(mia: Person) -> None:
    """A user, never an operator."""
    zoe = Person("zoe", login(role="operator"), mia.url, mia.http)
    me = await zoe.gets("/api/me")
    assert (me["user_id"], me["role"]) == ("zoe", "user")


@pytest.mark.parametrize(
    "token",
    [
        login(sub="telegram:1"),
        login(sub="visitor:1"),
        login(sub=""),
        login(exp=time.time() - 60),
        login(aud="turngate-visitor", origin=SHOP),
        jwt.encode({"sub": "zoe", "exp": time.time() + 60}, LOGIN_SECRET + "!", algorithm="HS256"),
        jwt.encode({"sub": "zoe", "exp": time.time() + 60}, LOGIN_SECRET * 2, algorithm="HS512"),
        jwt.encode({"sub": "zoe", "exp": time.time() + 60}, "", algorithm="none"),
        jwt.encode({"sub": "zoe"}, LOGIN_SECRET, algorithm="HS256"),
    ],
    ids=["telegram", "visitor", "empty", "expired", "as visitor", "forged", "algorithm", "unsigned", "endless"],
)
async def test_a_jwt_that_breaks_a_rule_is_refused(mia: Person, token: str) -> None:
    """401, without telling the caller more than it may know."""
    stranger = Person("", token, mia.url, mia.http)
    assert (await stranger.calls("GET", "/api/me", headers={"Origin": SHOP}))[0] == 401
