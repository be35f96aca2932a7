"""`/api/usage`: what turns used, added up over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED, own_gateway
from tests.world import Person, World, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SESSIONS = "/api/chat/sessions"
AGENTS = "tests.integration.usage.agents"
KINDS = {name: {"kind": "python", "target": f"{AGENTS}:{name}"} for name in ("spending", "two_models", "odd")}
PRICED = {
    "unpriced": {"kind": "python", "target": f"{AGENTS}:unpriced"},
    "by_settings": {"kind": "python", "target": f"{AGENTS}:unpriced", "input_price": 0.5, "output_price": 2.0},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway with agents that report usage, and the demo agent, which does not."""
    agents = {"assistant": {"kind": "demo"}, **KINDS, **PRICED}
    return await shared_world.gateway(agents=agents, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


async def begins(person: Person, agent: str, *texts: str) -> str:
    """The id of a session with these messages."""
    session = str((await person.posts(SESSIONS, 201, agent_name=agent))["session_id"])
    for text in texts:
        await person.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return session


async def used(person: Person, query: str = "") -> list[tuple[Any, ...]]:
    """Each group: its names, turns, tokens and cost."""
    summary = await person.gets(f"/api/usage?{query}")
    dimensions = ("session", "user", "agent", "channel", "model", "day")
    figures = ("turns", "input_tokens", "output_tokens", "cost")
    return [
        (*(group[name] for name in dimensions if group[name] is not None), *(group[name] for name in figures))
        for group in summary["groups"]
    ]


async def test_usage_is_counted_per_session(mia: Person) -> None:
    """P-8: usage is counted per session, and a session without usage is not listed."""
    first = await begins(mia, "spending", "40", "8")
    second = await begins(mia, "spending", "4")
    await begins(mia, "assistant", "hello")
    assert await used(mia, "group_by=session") == [(first, 2, 36, 12, 0.48), (second, 1, 3, 1, 0.04)]
    total = (await mia.gets("/api/usage?group_by=session&limit=1"))["total"]
    assert total == {"turns": 3, "input_tokens": 39, "output_tokens": 13, "cost": 0.52}


async def test_usage_by_several_dimensions(mia: Person) -> None:
    """Each combination is a group; dimensions that nobody asked for are null."""
    await begins(mia, "spending", "40")
    await begins(mia, "by_settings", "hello")
    today = datetime.now(UTC).date().isoformat()
    assert await used(mia, "group_by=model,agent,channel") == [
        ("by_settings", "api", "unheard-of", 1, 1_000_000, 1_000_000, 2.5),
        ("spending", "api", "spender-1", 1, 30, 10, 0.4),
    ]
    assert await used(mia) == [(today, 2, 1_000_030, 1_000_010, 2.9)]


async def test_a_turn_of_two_models_is_counted_under_both(mia: Person) -> None:
    """The turn belongs to the last; a cost that the agent does not report comes from the price table."""
    session = await begins(mia, "two_models", "hello")
    assert await used(mia, "group_by=model") == [("small", 0, 1000, 100, 0.25), ("gpt-4o", 1, 2000, 200, 0.007)]
    (turn,) = (await mia.gets(f"{SESSIONS}/{session}/turns"))["turns"]
    usage = {"input_tokens": 3000, "output_tokens": 300, "model": "gpt-4o", "cost": pytest.approx(0.257)}
    assert {name: turn["usage"][name] for name in usage} == usage


async def test_cancelled_and_failed_turns_count(mia: Person) -> None:
    """Their tokens were used, in every attempt."""
    failed = await begins(mia, "spending", "40 fail")
    retried = await begins(mia, "spending", "80 fail once")
    cancelled = await begins(mia, "spending")
    socket = await mia.connects(session_id=cancelled)
    await socket.says(type="send", id="k", text="4 wait")
    ack = await socket.hears("ack")
    await socket.hears("delta")
    await socket.says(type="cancel", turn_id=ack["turn_id"])
    await socket.hears_reply(ack["turn_id"])
    assert await used(mia, "group_by=session") == [
        (retried, 1, 120, 40, 1.6),
        (failed, 1, 30, 10, 0.4),
        (cancelled, 1, 3, 1, 0.04),
    ]


async def test_impossible_numbers_do_not_reach_the_sums(mia: Person) -> None:
    """The turn is answered all the same."""
    await begins(mia, "odd", "hello")
    ((model, *figures),) = await used(mia, "group_by=model")
    assert (len(model), figures) == (200, [1, 10**12, 0, None])


async def test_usage_is_the_same_before_and_after_it_is_added_up(shared_world: World, mia: Person) -> None:
    """The log and the sums are read together, and a turn that is added up leaves the log."""
    await begins(mia, "spending", "40", "4")
    before = await used(mia, "group_by=session,day")

    async def added_up() -> bool:
        return not await shared_world.rows("SELECT FROM usage_log WHERE user_id = $1", mia.user)

    await eventually(added_up)
    assert await used(mia, "group_by=session,day") == before
    await begins(mia, "spending", "8")
    assert (await mia.gets("/api/usage"))["total"]["input_tokens"] == 39


async def test_usage_outlives_its_session(mia: Person) -> None:
    """Whoever deletes a session has used it."""
    session = await begins(mia, "spending", "40")
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
    assert await used(mia, "group_by=session") == [(session, 1, 30, 10, 0.4)]


async def test_users_see_their_own_usage_and_operators_everyones(
    shared_world: World, gateway: Running, mia: Person
) -> None:
    """AC-10, for usage; `user` narrows."""
    await begins(mia, "spending", "40")
    tom = await shared_world.newcomer(gateway.url)
    owner = await shared_world.newcomer(gateway.url, "operator")
    assert await used(tom, "group_by=user") == []
    assert (await tom.calls("GET", f"/api/usage?user={mia.user}"))[0] == 403
    assert await used(tom, f"user={tom.user}") == []
    assert (mia.user, 1, 30, 10, 0.4) in await used(owner, "group_by=user&limit=1000")
    assert await used(owner, f"group_by=user&user={mia.user}") == [(mia.user, 1, 30, 10, 0.4)]


@own_gateway
async def test_days_begin_at_midnight_in_utc(world: World) -> None:
    """Both ends of a period belong to it; a time stands for its day, and the end of a period for the instant before."""
    mia = await world.person("mia", (await world.gateway()).url)
    for day in ("2026-02-27", "2026-02-28", "2026-03-01"):
        await world.rows(
            "INSERT INTO usage_days (day, chat_id, agent_name, channel, model, user_id, turns, input_tokens, output_tokens)"
            " VALUES ($1::text::date, gen_random_uuid(), 'assistant', 'web', 'm', 'mia', 1, 1, 1)",
            day,
        )
    for query, days in {
        "since=2026-02-28&until=2026-02-28": ["28"],
        "since=2026-02-27&until=2026-03-01": ["01", "28", "27"],
        "since=2026-02-28T00:00:00Z&until=2026-03-01T00:00:00Z": ["28"],
        "since=2026-02-27T23:30:00-01:00&until=2026-03-01T00:00:01Z": ["01", "28"],
        "until=2026-02-27": ["27"],
    }.items():
        assert [group[0][-2:] for group in await used(mia, query)] == days, query
    summary = await mia.gets("/api/usage?until=2026-03-01")
    assert (summary["since"], summary["until"], summary["more"]) == ("2026-01-31", "2026-03-01", False)
    assert (await mia.gets("/api/usage?until=2026-03-01&limit=2"))["more"] is True
    today = (await mia.gets("/api/usage"))["until"]
    assert abs(datetime.fromisoformat(f"{today}T00:00Z") - datetime.now(UTC)) < timedelta(days=2)


@pytest.mark.parametrize(
    "query",
    [
        "group_by=",
        "group_by=country",
        "group_by=day,day",
        "since=yesterday",
        "since=2026-02-30",
        "until=2026-03-01T00:00:00",
        "until=0001-01-01",
        "since=2026-03-02&until=2026-03-01",
        "limit=0",
        "limit=1001",
    ],
)
async def test_a_bad_query_is_400(mia: Person, query: str) -> None:
    """The problem names the parameter."""
    status, problem = await mia.calls("GET", f"/api/usage?{query}")
    assert status == 400
    assert query.split("=", maxsplit=1)[0] in problem["detail"]


async def test_an_unknown_price_is_logged_once(mia: Person, capfd: pytest.CaptureFixture[str]) -> None:
    """With the setting that gives one; the turn has tokens and no cost."""
    await begins(mia, "unpriced", "hello", "again")
    assert await used(mia, "group_by=model") == [("unheard-of", 2, 2_000_000, 2_000_000, None)]
