"""The results of turns, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.agents.python.settings import PythonAgentSettings
from gateway.app.running.serve import Running
from storage.turns.turn_log import SQL
from tests.conftest import UNHURRIED, own_gateway
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway with the demo agent, and one that counts tokens."""
    counting = PythonAgentSettings(kind="python", target="tests.integration.agents.counting:counting")
    demo = {"kind": "demo"}
    return await shared_world.gateway(
        agents={"assistant": demo, "counting": counting}, turns={"max_attempts": 2}, replica=UNHURRIED
    )


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


async def begins(person: Person, agent: str, *texts: str) -> str:
    """The path of a session with these messages."""
    session = (await person.posts(SESSIONS, 201, agent_name=agent))["session_id"]
    for text in texts:
        await person.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return f"{SESSIONS}/{session}"


async def test_a_turn_reports_its_usage_and_times(mia: Person) -> None:
    """P-8: usage, times, attempts, and its messages."""
    path = await begins(mia, "counting", "one two")
    (turn,) = (await mia.gets(f"{path}/turns"))["turns"]
    question, reply = (await mia.gets(f"{path}/messages"))["messages"]
    assert (turn["id"], turn["message_ids"], turn["reply_id"]) == (reply["turn_id"], [question["id"]], reply["id"])
    assert (turn["status"], turn["attempts"], turn["error"], turn["withdrawn"]) == ("completed", 1, None, False)
    assert turn["usage"] == {"input_tokens": 2, "output_tokens": 3, "model": "counter", "cost": 0.25}
    assert turn["created_at"] <= turn["started_at"] <= turn["ended_at"]
    assert turn["duration_s"] >= 0


async def test_usage_is_summed_per_session(mia: Person) -> None:
    """P-8: on the first page, whatever the page size."""
    path = await begins(mia, "counting", "one", "one two", "one two three")
    page = await mia.gets(f"{path}/turns?limit=1")
    assert page["usage"] == {"input_tokens": 6, "output_tokens": 8, "turns": 3, "cost": 0.75}
    assert (await mia.gets(f"{path}/turns?limit=1&before={page['next_before']}"))["usage"] is None


async def test_metrics_sum_the_usage_of_turns(mia: Person) -> None:
    """Tokens by direction, and the cost in dollars, by agent and model."""
    before = await used(mia)
    await begins(mia, "counting", "one two", "one two three four")
    after = await used(mia)
    assert {name: after[name] - before.get(name, 0) for name in after} == {"input": 6, "output": 9, "cost": 0.5}


async def used(person: Person) -> dict[str, float]:
    """The agent's usage so far, from `/metrics`."""
    async with person.http.get(f"{person.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    names = {
        'turngate_tokens_total{agent="counting",direction="input",model="counter"}': "input",
        'turngate_tokens_total{agent="counting",direction="output",model="counter"}': "output",
        'turngate_cost_dollars_total{agent="counting",model="counter"}': "cost",
    }
    values = (line.rsplit(" ", 1) for line in lines)
    return {names[name]: float(value) for name, value in values if name in names}


async def test_turns_are_paged_newest_first(mia: Person) -> None:
    """Each once."""
    path = await begins(mia, "assistant", *"abcde")
    replies = [row["turn_id"] for row in (await mia.gets(f"{path}/messages"))["messages"] if row["role"] == "assistant"]
    seen: list[str] = []
    before: str | None = ""
    while before is not None:
        page = await mia.gets(f"{path}/turns?limit=2{before and f'&before={before}'}")
        seen += [turn["id"] for turn in page["turns"]]
        before = page["next_before"]
    assert seen == replies[::-1]


async def test_only_operators_see_why_a_turn_failed(shared_world: World, gateway: Running, mia: Person) -> None:
    """An error may contain details that users should not see."""
    path = await begins(mia, "assistant", "fail for good")
    (turn,) = (await mia.gets(f"{path}/turns"))["turns"]
    assert (turn["status"], turn["error"], turn["usage"]) == ("failed", "agent_error", None)
    owner = await shared_world.newcomer(gateway.url, "operator")
    assert "told to fail" in (await owner.gets(f"{path}/turns"))["turns"][0]["error"]


async def test_a_running_turn_has_no_end_yet(mia: Person) -> None:
    """Nor a reply."""
    path = await begins(mia, "assistant")
    await mia.calls("POST", f"{path}/messages", json={"text": "wait 20 seconds"}, headers={"Prefer": "wait=0"})
    (turn,) = (await mia.gets(f"{path}/turns"))["turns"]
    assert (turn["status"], turn["reply_id"], turn["ended_at"], turn["duration_s"]) == ("running", None, None, None)
    assert len(turn["message_ids"]) == 1


async def test_a_regenerated_answer_is_listed_before_the_one_it_replaces(mia: Person) -> None:
    """The old turn is listed as withdrawn."""
    path = await begins(mia, "assistant", "hello")
    (old,) = (await mia.gets(f"{path}/turns"))["turns"]
    status, answer = await mia.calls("POST", f"{path}/regenerate", json={})
    assert status < 300, answer

    async def both() -> Any:
        turns = (await mia.gets(f"{path}/turns"))["turns"]
        return turns if len(turns) == 2 and turns[0]["status"] == "completed" else None

    newer, older = await eventually(both)
    assert (older["id"], older["withdrawn"], newer["withdrawn"]) == (old["id"], True, False)
    assert newer["message_ids"] == old["message_ids"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=nonsense", "before=%00", "cursor=1"])
async def test_a_bad_query_is_400(mia: Person, query: str) -> None:
    """Each response names its parameter."""
    path = await begins(mia, "assistant")
    assert (await mia.calls("GET", f"{path}/turns?{query}"))[0] == 400


async def test_a_foreign_session_is_a_missing_one(shared_world: World, gateway: Running, mia: Person) -> None:
    """AC-10, for turns."""
    path = await begins(mia, "assistant", "hello")
    tom = await shared_world.newcomer(gateway.url)
    foreign = await tom.calls("GET", f"{path}/turns")
    assert foreign == await tom.calls("GET", f"{SESSIONS}/nothing/turns")
    assert foreign[0] == 404


async def test_turns_are_listed_by_time(mia: Person) -> None:
    """Including turns answered out of order and regenerations: each once, whatever the page size."""
    path = await begins(mia, "assistant", "one", "two", "three")
    (first, *_) = (await mia.gets(f"{path}/messages"))["messages"]
    for again in ({}, {"message_id": first["id"]}, {}):
        status, answer = await mia.calls("POST", f"{path}/regenerate", json=again)
        assert status < 300, answer
        await eventually(lambda: all_ended(mia, path))
        await mia.posts(f"{path}/messages", 200, text="more")
    turns = (await mia.gets(f"{path}/turns"))["turns"]
    assert len(turns) == 9
    assert turns == sorted(turns, key=lambda turn: turn["created_at"], reverse=True)
    for limit in (1, 2, 4):
        assert await paged(mia, path, limit) == turns


async def all_ended(person: Person, path: str) -> bool:
    """Waits until no turn of the session is open."""
    return all(turn["status"] == "completed" for turn in (await person.gets(f"{path}/turns"))["turns"])


async def paged(person: Person, path: str, limit: int) -> list[Any]:
    """The session's turns, page by page."""
    turns: list[Any] = []
    before = ""
    while True:
        page = await person.gets(f"{path}/turns?limit={limit}{before}")
        turns += page["turns"]
        if page["next_before"] is None:
            return turns
        before = f"&before={page['next_before']}"


@own_gateway
async def test_a_deep_page_reads_no_more_than_the_first(world: World) -> None:
    """Through indexes, at any depth, for regenerated turns, too."""
    mia = await world.newcomer((await world.gateway()).url)
    path = await begins(mia, "assistant", "hello")
    await world.rows(
        "INSERT INTO turns (chat_id, seq, user_id, agent_name, channel, status, time_limit, history_turns, created_at, place_in_time)"
        " SELECT chat_id, CASE WHEN n % 5 = 0 THEN -n ELSE 10 + n END, user_id, 'assistant', 'web', 'completed', '1 s', 0,"
        " now() + n * interval '1 s', CASE WHEN n % 5 = 0 THEN 10 + n END"
        " FROM chat_sessions, generate_series(1, 5000) AS n"
    )
    await world.rows("ANALYZE turns")
    (place,) = await world.rows("SELECT chat_id, created_at, turn_id FROM turns WHERE seq = 1011")
    (plan,) = await world.rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL['page']}", *place.values(), 51)
    scans = [node for node in nodes(json.loads(plan["QUERY PLAN"])[0]["Plan"]) if node.get("Relation Name") == "turns"]
    assert {scan["Node Type"] for scan in scans} <= {"Index Scan", "Index Only Scan"}
    assert max(scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) for scan in scans) < 60
    assert len((await mia.gets(f"{path}/turns?limit=200"))["turns"]) == 200


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, from the root."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)
