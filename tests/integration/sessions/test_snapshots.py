"""Snapshots: numbered, taken on demand and automatically, restored and undone, and removed by rule."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED, own_gateway
from tests.integration.sessions.saved_state import NEVER, new_session, saved, writes
from tests.world import Person, World, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway that takes no automatic snapshots."""
    return await shared_world.gateway(snapshots=NEVER, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


async def listed(person: Person, path: str) -> list[tuple[int, str]]:
    """Number and reason of each snapshot, newest first."""
    return [(item["number"], item["reason"]) for item in (await person.gets(f"{path}/snapshots"))["snapshots"]]


async def test_snapshots_are_numbered(mia: Person) -> None:
    """P-2: 1, 2, 3…, with size, time, reason and the message they stand at."""
    path = await new_session(mia)
    first = await saved(mia, path)
    await mia.posts(f"{path}/messages", 200, text="hello")
    await writes(mia, path, '"0"', blackboard={"goal": "trip"})
    second = await saved(mia, path, reason="manual")
    reply = (await mia.gets(f"{path}/messages"))["messages"][-1]
    assert [first["number"], second["number"]] == [1, 2]
    assert (first["message_id"], first["message_seq"]) == (None, None)
    assert (second["message_id"], second["message_seq"]) == (reply["id"], 2)
    assert (first["size_bytes"], second["size_bytes"]) == (6, len('{"goal": "trip"}{}{}'))
    assert (await mia.gets(f"{path}/snapshots")) == {"snapshots": [second, first], "next_before_number": None}


async def test_a_snapshot_holds_the_state_when_it_was_taken(mia: Person) -> None:
    """P-2: by number, and the latest by name."""
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"n": 1})
    await saved(mia, path)
    await writes(mia, path, '"1"', blackboard={"n": 2})
    await saved(mia, path)
    assert (await mia.gets(f"{path}/snapshots/1"))["blackboard"] == {"n": 1}
    assert (await mia.gets(f"{path}/snapshots/latest"))["blackboard"] == {"n": 2}


async def test_snapshots_are_paged_newest_first(mia: Person) -> None:
    """`next_before_number` leads to the next page until it is null."""
    path = await new_session(mia)
    for _ in range(5):
        await saved(mia, path)
    page = await mia.gets(f"{path}/snapshots?limit=2")
    numbers = [item["number"] for item in page["snapshots"]]
    while (before := page["next_before_number"]) is not None:
        page = await mia.gets(f"{path}/snapshots?limit=2&before_number={before}")
        numbers += [item["number"] for item in page["snapshots"]]
    assert numbers == [5, 4, 3, 2, 1]


async def test_a_restore_can_be_undone(mia: Person) -> None:
    """P-2: it first takes a snapshot of the current state; the body is optional."""
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"n": 1}, scratchpad={"a": 1})
    await saved(mia, path)
    await writes(mia, path, '"1"', blackboard={"n": 2}, attributes={"b": 2})
    status, restored = await mia.calls("POST", f"{path}/snapshots/1/restore")
    assert status == 200
    assert restored == {"blackboard": {"n": 1}, "scratchpad": {"a": 1}, "attributes": {}, "snapshot": 1, "undo": 2}
    assert await listed(mia, path) == [(2, "before_restore"), (1, "manual")]
    undone = await mia.posts(f"{path}/snapshots/{restored['undo']}/restore", 200)
    assert undone["blackboard"] == {"n": 2}
    assert await mia.gets(f"{path}/state") == {"blackboard": {"n": 2}, "scratchpad": {"a": 1}, "attributes": {"b": 2}}


async def test_a_restore_counts_as_a_write(mia: Person) -> None:
    """P-3: a client that read earlier gets a 412 instead of overwriting it."""
    path = await new_session(mia)
    await saved(mia, path)
    await writes(mia, path, '"0"', blackboard={"n": 1})
    await mia.posts(f"{path}/snapshots/latest/restore", 200)
    assert (await writes(mia, path, '"1"', 412, blackboard={"n": 2}))["etag"] == '"2"'


async def test_a_closing_page_saves_what_changed(mia: Person) -> None:
    """P-1: state or transcript; when neither has changed, the latest snapshot is returned."""
    path = await new_session(mia)
    assert (await saved(mia, path, reason="page_close"))["number"] == 1
    assert (await mia.posts(f"{path}/snapshots", 200, reason="page_close"))["number"] == 1
    await writes(mia, path, '"0"', blackboard={"n": 1})
    assert (await saved(mia, path, reason="page_close"))["number"] == 2
    sent = await mia.posts(f"{path}/messages", 200, text="hello")
    assert (await saved(mia, path, reason="page_close"))["number"] == 3
    await mia.calls("DELETE", f"{path}/messages/{sent['message']['id']}")
    assert (await saved(mia, path, reason="page_close"))["number"] == 4
    await mia.posts(f"{path}/snapshots/1/restore", 200, rewind=True)
    assert (await saved(mia, path, reason="page_close"))["number"] == 6
    assert (await mia.posts(f"{path}/snapshots", 200, reason="page_close"))["number"] == 6


@pytest.mark.parametrize("reason", ["auto", "before_restore", "because", 1])
async def test_other_reasons_are_reserved_for_the_gateway(mia: Person, reason: Any) -> None:
    """400."""
    await mia.posts(f"{await new_session(mia)}/snapshots", 400, reason=reason)


async def test_missing_and_foreign_snapshots_look_the_same(mia: Person, shared_world: World, gateway: Running) -> None:
    """P-5: unknown numbers, words and foreign sessions are 404, byte for byte the same."""
    path = await new_session(mia)
    await saved(mia, path)
    tom = await shared_world.newcomer(gateway.url)
    missing = path[:-4] + "0000"
    calls = [
        ("GET", "/snapshots"),
        ("POST", "/snapshots"),
        ("GET", "/snapshots/1"),
        ("POST", "/snapshots/1/restore"),
        ("POST", "/snapshots/latest/restore"),
    ]
    for method, rest in calls:
        told = [await tom.calls(method, f"{place}{rest}") for place in (path, missing)]
        assert told[0] == told[1]
        assert told[0][0] == 404
    unknown = [await mia.calls("POST", f"{path}/snapshots/{n}/restore") for n in ("2", "0", "-1", "x", "9" * 30, "1.0")]
    assert unknown == [unknown[0]] * 6
    assert unknown[0][0] == 404
    assert await listed(mia, path) == [(1, "manual")]


async def test_a_session_without_snapshots_has_no_latest(mia: Person) -> None:
    """404, as for any number."""
    path = await new_session(mia)
    await mia.posts(f"{path}/snapshots/latest/restore", 404)
    assert await listed(mia, path) == []


@own_gateway
async def test_a_state_is_saved_after_a_quiet_period(world: World) -> None:
    """P-1: automatically, once, and not again while nothing changes."""
    mia = await world.person("mia", (await world.gateway(snapshots={"quiet_s": 0.3, "every_s": 30})).url)
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"n": 1})
    assert await eventually(lambda: listed(mia, path)) == [(1, "auto")]
    await writes(mia, path, '"1"', blackboard={"n": 2})

    async def twice() -> bool:
        return len(await listed(mia, path)) > 1

    await eventually(twice)
    assert await world.rows("SELECT chat_id FROM session_states WHERE dirty_since IS NOT NULL") == []
    assert await listed(mia, path) == [(2, "auto"), (1, "auto")]


@own_gateway
async def test_a_state_that_keeps_changing_is_saved_too(world: World) -> None:
    """P-1: at the latest after `every_s`, even without a quiet period."""
    mia = await world.person("mia", (await world.gateway(snapshots={"quiet_s": 3_600, "every_s": 0.5})).url)
    path = await new_session(mia)
    version = 0

    async def changes() -> list[tuple[int, str]]:
        nonlocal version
        await writes(mia, path, f'"{version}"', blackboard={"n": version + 1})
        version += 1
        return await listed(mia, path)

    assert await eventually(changes) == [(1, "auto")]


@own_gateway
async def test_replicas_save_a_state_once(world: World) -> None:
    """P-1: the first replica saves it; if one does not finish, another does."""
    timing = {"quiet_s": 0.2, "every_s": 30}
    gateways = [await world.gateway(snapshots=timing, data_dir=f"data{n}") for n in range(2)]
    mia = await world.person("mia", gateways[0].url)
    paths = [await new_session(mia) for _ in range(10)]
    for path in paths:
        await writes(mia, path, '"0"', blackboard={"n": 1})

    async def all_saved() -> bool:
        return all([await listed(mia, path) for path in paths])

    await eventually(all_saved)
    assert [await listed(mia, path) for path in paths] == [[(1, "auto")]] * 10


@own_gateway
async def test_old_snapshots_are_removed(world: World) -> None:
    """P-2: the last N stay, and the newest of each UTC day for some days; numbers are not reused."""
    gateway = await world.gateway(snapshots=NEVER)
    mia = await world.newcomer(gateway.url)
    path = await new_session(mia)
    for _ in range(9):
        await saved(mia, path)
    # Two a day: 1 and 2 four days ago, 3 and 4 the day after, …, 9 today.
    await world.rows(
        "UPDATE snapshots SET created_at = date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
        " - interval '1 day' * (4 - (number - 1) / 2) + interval '1 second' * number"
    )
    snapshots = gateway.gateway.stores.snapshots
    assert await snapshots.clean_up(keep=2, days=4) == 5
    assert [number for number, _ in await listed(mia, path)] == [9, 8, 6, 4]
    assert await snapshots.clean_up(keep=2, days=4) == 0
    assert await snapshots.clean_up(keep=1, days=0) == 3
    assert (await saved(mia, path))["number"] == 10


@own_gateway
async def test_the_gateway_removes_old_snapshots_by_itself(world: World) -> None:
    """P-2: in every session, soon after its start."""
    first = await world.gateway(snapshots=NEVER)
    mia = await world.person("mia", first.url)
    path = await new_session(mia)
    for _ in range(3):
        await saved(mia, path)
    chores = first.gateway.housekeeping.chores
    assert [chore.name for chore in chores if chore.name == "old_snapshots"] == ["old_snapshots"]
    await world.gateway(snapshots={**NEVER, "keep": 1, "keep_days": 0}, data_dir="second")

    async def left() -> bool:
        return await listed(mia, path) == [(3, "manual")]

    await eventually(left)


@own_gateway
async def test_a_large_state_is_compressed(world: World) -> None:
    """Postgres stores it outside the row, and compressed."""
    mia = await world.newcomer((await world.gateway(snapshots=NEVER)).url)
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"text": "all work and no play " * 20_000})
    snapshot = await saved(mia, path)
    (kept,) = await world.rows("SELECT pg_column_size(blackboard) AS bytes FROM snapshots")
    assert snapshot["size_bytes"] > 400_000
    assert kept["bytes"] < 50_000
