"""Budgets: checked before the agent is called, against what all replicas have used."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"
SPENDING = {"kind": "python", "target": "tests.integration.usage.agents:spending"}
AGENTS: dict[str, Any] = {"assistant": SPENDING, "other": SPENDING}


async def asks(person: Person, text: str, agent: str = "assistant") -> dict[str, Any]:
    """The turn that answers the text, in a session of its own."""
    path = f"{SESSIONS}/{(await person.posts(SESSIONS, 201, agent_name=agent))['session_id']}"
    await person.posts(f"{path}/messages", 200, text=text)
    (turn,) = (await person.gets(f"{path}/turns"))["turns"]
    return dict(turn)


async def outcome(person: Person, text: str, agent: str = "assistant") -> str:
    """`completed`, or the class of the error."""
    turn = await asks(person, text, agent)
    return str(turn["error_class"] or turn["status"])


@pytest.mark.parametrize(
    ("budgets", "agents"),
    [
        ({"user_tokens_per_day": 100}, AGENTS),
        ({}, {**AGENTS, "assistant": {**SPENDING, "cost_per_day": 1.0}}),
    ],
)
async def test_a_turn_begins_while_something_is_left(world: World, budgets: Any, agents: Any) -> None:
    """The turn that exceeds a budget is answered, and the next one is not, on whichever replica it runs."""
    one = await world.gateway(budgets=budgets, agents=agents)
    two = await world.gateway(budgets=budgets, agents=agents, data_dir="two")
    mia = await world.person("mia", one.url)
    there = Person("mia", mia.token, two.url, mia.http)
    assert [await outcome(person, "40") for person in (mia, there, mia)] == ["completed"] * 3
    assert [await outcome(person, "40") for person in (there, mia)] == ["over_budget"] * 2
    assert (await mia.gets("/api/usage"))["total"]["turns"] == 3


async def test_whose_budget_it_is(world: World) -> None:
    """A user's is used up for that user with every agent, an agent's for all its users."""
    agents = {**AGENTS, "other": {**SPENDING, "tokens_per_day": 60}}
    gateway = await world.gateway(budgets={"user_tokens_per_day": 100}, agents=agents)
    mia, tom = await world.person("mia", gateway.url), await world.person("tom", gateway.url)
    assert await outcome(mia, "80", "other") == "completed"
    assert await outcome(tom, "40", "other") == "over_budget"
    assert await outcome(mia, "40") == "completed"
    assert await outcome(mia, "4") == "over_budget"
    assert await outcome(tom, "4") == "completed"


async def test_only_turns_that_run_already_can_exceed_a_budget(world: World) -> None:
    """Two replicas run four turns at once, all begun within the budget; once it is used up, neither begins another."""
    budgets = {"tokens_per_day": 100}
    one = await world.gateway(budgets=budgets, agents=AGENTS)
    two = await world.gateway(budgets=budgets, agents=AGENTS, data_dir="two")
    mia = await world.person("mia", one.url)
    there = Person("mia", mia.token, two.url, mia.http)
    begun, sockets = [], []
    for person in (mia, there, mia, there):
        session = (await mia.posts(SESSIONS, 201))["session_id"]
        sockets.append(await person.connects(session_id=session))
    for number, socket in enumerate(sockets):
        await socket.says(type="send", id=f"k{number}", text="80 wait")
        begun.append((await socket.hears("ack", id=f"k{number}"))["turn_id"])
        await socket.hears("delta")
    for socket, turn_id in zip(sockets, begun, strict=True):
        await socket.says(type="cancel", turn_id=turn_id)
        await socket.hears_reply(turn_id)
    assert [await outcome(person, "4") for person in (mia, there)] == ["over_budget"] * 2
    total = (await mia.gets("/api/usage"))["total"]
    assert total["input_tokens"] + total["output_tokens"] == 80 * len(sockets)


async def test_a_person_is_told_and_an_operator_sees_which(world: World) -> None:
    """An apology in the transcript, its class on the turn, the sum for operators, and a metric."""
    gateway = await world.gateway(budgets={"user_cost_per_day": 0.3}, agents=AGENTS)
    mia, owner = await world.person("mia", gateway.url), await world.person("owner", gateway.url, "operator")
    await asks(mia, "40")
    turn = await asks(mia, "40")
    assert (turn["status"], turn["error"], turn["usage"]) == ("failed", "over_budget", None)
    path = f"{SESSIONS}/{turn['session_id']}"
    reply = (await mia.gets(f"{path}/messages"))["messages"][-1]
    assert (reply["kind"], "tomorrow" in reply["content"]) == ("apology", True)
    (seen,) = (await owner.gets(f"{path}/turns"))["turns"]
    assert "The user has used $0.4000 of the $0.3 allowed per day" in seen["error"]
    async with owner.http.get(f"{owner.url}/metrics") as response:
        assert 'turngate_over_budget_total{agent="assistant",budget="user"}' in await response.text()


async def test_a_scheduled_run_is_refused_too(world: World) -> None:
    """The run is recorded as failed, with the reason."""
    gateway = await world.gateway(budgets={"user_tokens_per_day": 10}, agents=AGENTS)
    mia = await world.person("mia", gateway.url)
    await asks(mia, "40")
    made = await mia.schedules_soon(prompt="40")

    async def ran() -> Any:
        runs = (await mia.gets(f"/api/schedules/{made['id']}/runs"))["runs"]
        return runs if runs and runs[0]["status"] == "failed" else None

    (run,) = await eventually(ran)
    (turn,) = (await mia.gets(f"{SESSIONS}/{run['session_id']}/turns"))["turns"]
    assert turn["error_class"] == "over_budget"


async def test_openai_clients_get_a_quota_error(world: World) -> None:
    """429 with `insufficient_quota`, which OpenAI's client does not retry for ever."""
    gateway = await world.gateway(budgets={"user_tokens_per_day": 10}, agents=AGENTS)
    mia = await world.person("mia", gateway.url)
    body = {"model": "assistant", "messages": [{"role": "user", "content": "40"}]}
    await mia.posts("/v1/chat/completions", 200, **body)
    assert (await mia.posts("/v1/chat/completions", 429, **body))["error"]["code"] == "insufficient_quota"


async def test_a_budget_is_renewed_at_midnight(world: World) -> None:
    """Usage of the day before does not count, and its sums are removed in time."""
    gateway = await world.gateway(budgets={"user_tokens_per_day": 10}, agents=AGENTS)
    mia = await world.person("mia", gateway.url)
    assert await outcome(mia, "40") == "completed"
    assert await outcome(mia, "40") == "over_budget"
    for table in ("usage_log", "usage_days", "budget_days"):
        await world.rows(f"UPDATE {table} SET day = day - 1")
    assert await outcome(mia, "40") == "completed"


async def test_a_crash_loses_no_sum(world: World) -> None:
    """The log is written with the turn: a replica that dies before adding up leaves it to the next one."""
    budgets = {"user_tokens_per_day": 50}
    doomed = await world.process(
        "doomed",
        TURNGATE_AGENTS='{"assistant": {"kind": "python", "target": "tests.integration.usage.agents:spending"}}',
        TURNGATE_BUDGETS__USER_TOKENS_PER_DAY="50",
    )
    mia = await world.person("mia", doomed.url)
    assert await outcome(mia, "80") == "completed"
    await doomed.dies()
    gateway = await world.gateway(budgets=budgets, agents=AGENTS)
    again = Person("mia", mia.token, gateway.url, mia.http)
    assert await outcome(again, "4") == "over_budget"
    assert (await again.gets("/api/usage"))["total"]["turns"] == 1


async def test_adding_up_on_several_replicas_counts_once(world: World) -> None:
    """Whoever comes second finds the log taken."""
    gateways = [await world.gateway(agents=AGENTS, data_dir=name) for name in ("one", "two")]
    mia = await world.person("mia", gateways[0].url)
    for _ in range(3):
        await asks(mia, "40")
    stores = [gateway.gateway.stores.usage for gateway in gateways]
    for _ in range(3):
        await asyncio.gather(*(store.add_up(2) for store in stores for _ in range(3)))
    assert await world.rows("SELECT FROM usage_log") == []
    cost = pytest.approx(1.2)
    rows = await world.rows("SELECT user_id, agent_name, tokens, cost FROM budget_days ORDER BY user_id")
    assert [tuple(row.values()) for row in rows] == [("", "assistant", 120, cost), ("mia", "", 120, cost)]
    assert (await mia.gets("/api/usage"))["total"]["turns"] == 3
