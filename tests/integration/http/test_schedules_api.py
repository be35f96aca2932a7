"""Changing schedules, and listing their runs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from gateway.app.running.serve import Running
from gateway.core.ports.agents import TurnTerms
from scheduler.normalize import message_of_fire
from tests.world import Person, World, eventually

DAILY = {"name": "Morning", "prompt": "What is new?", "trigger": {"type": "cron", "expression": "0 8 * * *"}}
BLOCKED = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
MISSING = "/api/schedules/00000000-0000-4000-8000-000000000000"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def mia(newcomer: Person) -> Person:
    """A user."""
    return newcomer


async def changes(person: Person, made: dict[str, Any], **change: Any) -> dict[str, Any]:
    """The schedule after an accepted change."""
    status, answer = await person.calls("PATCH", f"/api/schedules/{made['id']}", json=change)
    assert status == 200, answer
    changed: dict[str, Any] = answer
    return changed


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Evening"},
        {"prompt": "What happened?"},
        {"agent_name": "assistant"},
        {"deliver_to": []},
        {"name": "Evening", "prompt": "What happened?"},
    ],
)
async def test_a_change_leaves_other_fields_unchanged(mia: Person, change: dict[str, Any]) -> None:
    """The next fire stays, too."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    assert await changes(mia, made, **change) == {**made, **change}


@pytest.mark.parametrize(
    "change",
    [
        {"trigger": {"type": "cron", "expression": "30 9 * * *"}},
        {"trigger": {"type": "interval", "seconds": 1000}},
        {"trigger": {"type": "once", "at": "2099-01-31T08:00:00"}},
        {"timezone": "Asia/Tokyo"},
    ],
)
async def test_a_new_time_recomputes_the_next_fire(mia: Person, change: dict[str, Any]) -> None:
    """Starting from now."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    changed = await changes(mia, made, **change)
    assert changed["next_fire_at"] != made["next_fire_at"]
    assert datetime.fromisoformat(changed["next_fire_at"]) > datetime.now(UTC)


async def test_a_time_without_an_offset_is_in_the_schedules_zone(mia: Person) -> None:
    """The schedule's current zone, when none is given."""
    made = await mia.posts("/api/schedules", 201, **DAILY, timezone="Europe/Berlin")
    changed = await changes(mia, made, trigger={"type": "once", "at": "2099-01-31T08:00:00"})
    assert changed["next_fire_at"] == "2099-01-31T07:00:00Z"


async def test_a_paused_schedule_can_be_changed_and_resumed(mia: Person) -> None:
    """It has no next fire until then; resuming twice changes nothing."""
    made = await mia.posts("/api/schedules", 201, **DAILY, is_active=False)
    assert made["next_fire_at"] is None
    assert (await changes(mia, made, trigger={"type": "interval", "seconds": 500}))["next_fire_at"] is None
    resumed = await changes(mia, made, is_active=True)
    assert resumed["next_fire_at"] is not None
    assert await changes(mia, made, is_active=True) == resumed


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": None},
        {"name": ""},
        {"prompt": "  "},
        {"trigger": {"type": "once", "at": "2001-01-31T08:00:00Z"}},
        {"trigger": {"type": "cron", "expression": "0 0 30 2 *"}},
        {"timezone": "Mars/Olympus"},
        {"agent_name": "nobody"},
        {"deliver_to": ["telegram:1:2:0"]},
        {"is_active": "yes"},
        {"user_id": "tom"},
    ],
)
async def test_an_invalid_change_is_400(mia: Person, change: dict[str, Any]) -> None:
    """And nothing of it is stored."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    path = f"/api/schedules/{made['id']}"
    assert (await mia.calls("PATCH", path, json=change))[0] == 400
    assert await mia.gets(path) == made


async def test_a_change_during_a_fire_is_not_lost(shared_gateway: Running, mia: Person) -> None:
    """A fire checks the version it read: an old prompt never runs after the response to the change."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    store = shared_gateway.gateway.stores.schedules
    read = await store.get(made["id"], None)
    await changes(mia, made, prompt="Something else")
    assert read.next_fire_at is not None
    message = message_of_fire(read, read.next_fire_at)
    fired = await store.fire(read, read.next_fire_at, message, TurnTerms())
    assert fired is None


async def test_a_fire_during_a_change_is_not_undone(mia: Person, shared_world: World) -> None:
    """A renamed schedule keeps the next time that a fire has set meanwhile."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    outsider = await asyncpg.connect(shared_world.database_url)
    async with outsider.transaction():
        await outsider.execute(
            "UPDATE schedules SET next_fire_at = '2098-01-01T00:00:00Z' WHERE user_id = $1", mia.user
        )
        renaming = asyncio.create_task(changes(mia, made, name="Renamed"))
        # By then the change has read the schedule.
        await eventually(lambda: shared_world.rows(BLOCKED))
    await outsider.close()
    changed = await renaming
    assert (changed["name"], changed["next_fire_at"]) == ("Renamed", "2098-01-01T00:00:00Z")


async def test_runs_are_listed_newest_first(mia: Person) -> None:
    """Fires with their fire time, manual runs without; each with its session, turn and times."""
    made = await mia.schedules_soon()
    path = f"/api/schedules/{made['id']}"

    async def done() -> Any:
        runs = (await mia.gets(f"{path}/runs"))["runs"]
        return runs if runs and runs[0]["status"] == "completed" else None

    (fired,) = await eventually(done)
    assert fired["fire_time"] == made["next_fire_at"]
    assert fired["ended_at"] >= fired["started_at"] >= fired["fired_at"]
    asked = await mia.posts(f"{path}/run", 202)
    runs = (await mia.gets(f"{path}/runs"))["runs"]
    assert [run["session_id"] for run in runs] == [asked["session_id"], fired["session_id"]]
    assert (runs[0]["turn_id"], runs[0]["fire_time"], runs[0]["attempts"]) == (asked["turn_id"], None, 1)


async def test_runs_are_paged(mia: Person) -> None:
    """Each run once."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    path = f"/api/schedules/{made['id']}"
    await asyncio.gather(*(mia.posts(f"{path}/run", 202) for _ in range(5)))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await mia.gets(f"{path}/runs?limit=2{cursor and f'&cursor={cursor}'}")
        seen += [run["session_id"] for run in page["runs"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5
    assert (await mia.calls("GET", f"{path}/runs?cursor=nonsense"))[0] == 400


async def test_only_operators_see_why_a_run_failed(shared_world: World, shared_gateway: Running, mia: Person) -> None:
    """Users see that it failed."""
    made = await mia.posts("/api/schedules", 201, **{**DAILY, "prompt": "fail for good"})
    path = f"/api/schedules/{made['id']}"
    await mia.posts(f"{path}/run", 202)

    async def failed() -> Any:
        (run,) = (await mia.gets(f"{path}/runs"))["runs"]
        return run if run["status"] == "failed" else None

    assert (await eventually(failed))["error"] == "agent_error"
    owner = await shared_world.person("owner", shared_gateway.url, "operator")
    assert "told to fail" in (await owner.gets(f"{path}/runs"))["runs"][0]["error"]


async def test_a_foreign_schedule_is_a_missing_one(shared_world: World, shared_gateway: Running, mia: Person) -> None:
    """AC-10, for changes and runs; an operator may do both."""
    made = await mia.posts("/api/schedules", 201, **DAILY)
    tom = await shared_world.person("tom", shared_gateway.url)
    path = f"/api/schedules/{made['id']}"
    for method, tail, body in (("PATCH", "", {"name": "Mine"}), ("GET", "/runs", None)):
        foreign = await tom.calls(method, path + tail, json=body)
        assert foreign == await tom.calls(method, MISSING + tail, json=body)
        assert foreign[0] == 404
    owner = await shared_world.person("owner", shared_gateway.url, "operator")
    assert (await changes(owner, made, name="Ours"))["user_id"] == mia.user


async def test_a_list_can_be_limited(mia: Person) -> None:
    """The oldest first."""
    for name in ("one", "two", "three"):
        await mia.posts("/api/schedules", 201, **{**DAILY, "name": name})
    listed = await mia.gets("/api/schedules?limit=2")
    assert [schedule["name"] for schedule in listed["schedules"]] == ["one", "two"]
