"""What turns came to, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app.serve import Running
from gateway.config import PythonAgentSettings
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway with the demo agent, and one that counts tokens."""
    counting = PythonAgentSettings(kind="python", target="tests.integration.counting:counting")
    demo = {"kind": "demo"}
    return await world.gateway(agents={"assistant": demo, "counting": counting}, turns={"max_attempts": 2})


@pytest.fixture
async def mia(world: World, gateway: Running) -> Person:
    """A user."""
    return await world.person("mia", gateway.url)


async def begins(person: Person, agent: str, *texts: str) -> str:
    """The path of a session in which these were said."""
    session = (await person.posts(SESSIONS, 201, agent_name=agent))["session_id"]
    for text in texts:
        await person.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return f"{SESSIONS}/{session}"


async def test_a_turn_tells_what_it_took(mia: Person) -> None:
    """P-8: usage, times, attempts, and the messages of it."""
    path = await begins(mia, "counting", "one two")
    (turn,) = (await mia.gets(f"{path}/turns"))["turns"]
    question, reply = (await mia.gets(f"{path}/messages"))["messages"]
    assert (turn["id"], turn["message_ids"], turn["reply_id"]) == (reply["turn_id"], [question["id"]], reply["id"])
    assert (turn["status"], turn["attempts"], turn["error"], turn["withdrawn"]) == ("completed", 1, None, False)
    assert turn["usage"] == {"input_tokens": 2, "output_tokens": 3, "model": "counter", "cost": 0.25}
    assert turn["created_at"] <= turn["started_at"] <= turn["ended_at"]
    assert turn["duration_s"] >= 0


async def test_usage_is_summed_per_session(mia: Person) -> None:
    """P-8: with the first page, whatever its size."""
    path = await begins(mia, "counting", "one", "one two", "one two three")
    page = await mia.gets(f"{path}/turns?limit=1")
    assert page["usage"] == {"input_tokens": 6, "output_tokens": 8, "turns": 3, "cost": 0.75}
    assert (await mia.gets(f"{path}/turns?limit=1&before={page['next_before']}"))["usage"] is None


async def test_metrics_add_up_what_turns_use(mia: Person) -> None:
    """Tokens by direction, and the cost in dollars, by agent."""
    before = await used(mia)
    await begins(mia, "counting", "one two", "one two three four")
    after = await used(mia)
    assert {name: after[name] - before.get(name, 0) for name in after} == {"input": 6, "output": 9, "cost": 0.5}


async def used(person: Person) -> dict[str, float]:
    """What `/metrics` says that the agent has used so far."""
    async with person.http.get(f"{person.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    names = {
        'turngate_tokens_total{agent="counting",direction="input"}': "input",
        'turngate_tokens_total{agent="counting",direction="output"}': "output",
        'turngate_cost_dollars_total{agent="counting"}': "cost",
    }
    values = (line.rsplit(" ", 1) for line in lines)
    return {names[name]: float(value) for name, value in values if name in names}


async def test_turns_come_in_pages_newest_first(mia: Person) -> None:
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


async def test_why_it_failed_is_told_to_operators(world: World, gateway: Running, mia: Person) -> None:
    """An error may name what users should not know."""
    path = await begins(mia, "assistant", "fail for good")
    (turn,) = (await mia.gets(f"{path}/turns"))["turns"]
    assert (turn["status"], turn["error"], turn["usage"]) == ("failed", "agent_error", None)
    owner = await world.person("owner", gateway.url, "operator")
    assert "told to fail" in (await owner.gets(f"{path}/turns"))["turns"][0]["error"]


async def test_a_running_turn_has_no_end_yet(mia: Person) -> None:
    """Nor a reply."""
    path = await begins(mia, "assistant")
    await mia.calls("POST", f"{path}/messages", json={"text": "wait 20 seconds"}, headers={"Prefer": "wait=0"})
    (turn,) = (await mia.gets(f"{path}/turns"))["turns"]
    assert (turn["status"], turn["reply_id"], turn["ended_at"], turn["duration_s"]) == ("running", None, None, None)
    assert len(turn["message_ids"]) == 1


async def test_an_answer_made_again_stands_before_the_one_it_replaces(mia: Person) -> None:
    """The old turn is told as withdrawn."""
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
    """Each names its parameter."""
    path = await begins(mia, "assistant")
    assert (await mia.calls("GET", f"{path}/turns?{query}"))[0] == 400


async def test_a_foreign_session_is_a_missing_one(world: World, gateway: Running, mia: Person) -> None:
    """AC-10, for turns."""
    path = await begins(mia, "assistant", "hello")
    tom = await world.person("tom", gateway.url)
    foreign = await tom.calls("GET", f"{path}/turns")
    assert foreign == await tom.calls("GET", f"{SESSIONS}/nothing/turns")
    assert foreign[0] == 404


async def test_a_page_deep_down_reads_no_more_than_the_first(world: World, mia: Person) -> None:
    """By the index, at any depth."""
    path = await begins(mia, "assistant", "hello")
    await world.rows(
        "INSERT INTO turns (chat_id, seq, user_id, agent_name, channel, status, time_limit, history_turns, created_at)"
        " SELECT chat_id, 10 + n, user_id, 'assistant', 'web', 'completed', '1 s', 0, now() - n * interval '1 s'"
        " FROM chat_sessions, generate_series(1, 5000) AS n"
    )
    await world.rows("ANALYZE turns")
    (plan,) = await world.rows(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM turns AS t WHERE t.chat_id = (SELECT chat_id FROM chat_sessions)"
        " AND (t.created_at, t.turn_id) < (now() - interval '4000 s', '00000000-0000-0000-0000-000000000000'::uuid)"
        " ORDER BY t.created_at DESC, t.turn_id DESC LIMIT 51"
    )
    assert "turns_by_time" in str(plan)
    assert "Seq Scan on turns" not in str(plan)
    assert len((await mia.gets(f"{path}/turns?limit=200"))["turns"]) == 200
