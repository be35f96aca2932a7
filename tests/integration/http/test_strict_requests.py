"""What no request may contain: unknown query parameters, machine-local time zones, alternative spellings of an id."""

from __future__ import annotations

import pytest

from tests.world import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

SESSIONS, SCHEDULES = "/api/chat/sessions", "/api/schedules"
DAILY = {"name": "Morning", "prompt": "What is new?", "trigger": {"type": "cron", "expression": "0 8 * * *"}}


@pytest.fixture
def mia(newcomer: Person) -> Person:
    """A user."""
    return newcomer


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/me", None),
        ("GET", "/api/agents", None),
        ("GET", "/api/agents/assistant", None),
        ("POST", SESSIONS, {}),
        ("POST", "/api/tokens", {}),
        ("POST", SCHEDULES, DAILY),
        ("GET", f"{SESSIONS}/{{session}}", None),
        ("GET", f"{SESSIONS}/{{session}}/state", None),
        ("GET", f"{SESSIONS}/{{session}}/messages", None),
        ("POST", f"{SESSIONS}/{{session}}/messages", {"text": "hello"}),
        ("DELETE", f"{SESSIONS}/{{session}}", None),
    ],
)
async def test_an_unknown_query_parameter_is_400(
    mia: Person, method: str, path: str, body: dict[str, object] | None
) -> None:
    """The same rule for routes with and without parameters; the request changes nothing."""
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    asked = f"{path.format(session=session)}?nonsense=1"
    status, problem = await mia.calls(method, asked, json=body)
    assert status == 400
    assert "'nonsense'" in problem["detail"]
    assert (await mia.gets(SESSIONS))["total"] == 1


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "right/Europe/Berlin", "posix/Europe/Berlin", "Localtime"])
async def test_a_machine_dependent_time_zone_is_400(mia: Person, zone: str) -> None:
    """Schedules fire on any machine."""
    problem = await mia.posts(SCHEDULES, 400, **DAILY, timezone=zone)
    assert "timezone" in problem["detail"]
    made = await mia.posts(SCHEDULES, 201, **DAILY)
    assert (await mia.calls("PATCH", f"{SCHEDULES}/{made['id']}", json={"timezone": zone}))[0] == 400


async def test_an_unknown_field_is_answered_with_the_known_ones(mia: Person) -> None:
    """A caller who wrote `agent` learns that the field is `agent_name`."""
    problem = await mia.posts(SESSIONS, 400, agent="assistant")
    assert problem["detail"].startswith("agent: is not a known field; known: ")
    assert "agent_name" in problem["detail"]


async def test_a_message_has_one_id(mia: Person) -> None:
    """Another spelling of its number is unknown, like any other wrong id."""
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    path = f"{SESSIONS}/{session}"
    await mia.posts(f"{path}/messages", 200, text="hello")
    missing = await mia.calls("PATCH", f"{path}/messages/{session}.99", json={"text": "no"})
    for alias in (f"{session}.01", f"{session}.001"):
        assert await mia.calls("PATCH", f"{path}/messages/{alias}", json={"text": "no"}) == missing
        assert (await mia.calls("DELETE", f"{path}/messages/{alias}"))[0] == missing[0] == 404
        await mia.posts(f"{path}/fork", 404, from_message_id=alias)
        await mia.posts(f"{path}/regenerate", 404, message_id=alias)
        assert (await mia.calls("GET", f"{path}/messages?before_id={alias}"))[0] == 400
    assert (await mia.gets(f"{path}/messages"))["messages"][0]["content"] == "hello"


async def test_an_operator_may_ask_for_a_users_active_session(shared_world: World, mia: Person) -> None:
    """`user=` narrows, as everywhere; nobody else may name another user."""
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    await mia.posts(f"{SESSIONS}/{session}/messages", 200, text="hello")
    boss = await shared_world.person("boss", mia.url, "operator")
    path = "/api/agents/assistant/active-session"
    assert await boss.gets(path) is None
    assert (
        await boss.gets(f"{path}?user={mia.user}") == await mia.gets(f"{path}?user={mia.user}") == await mia.gets(path)
    )
    assert (await mia.calls("GET", f"{path}?user=boss"))[0] == 403
