"""The state of a session: clients and agents read and write it, and no write is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED, own_gateway
from tests.integration.sessions.saved_state import new_session, writes
from tests.world import Person, World

SESSIONS = "/api/chat/sessions"
EMPTY: dict[str, Any] = {"blackboard": {}, "scratchpad": {}, "attributes": {}}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway with the demo agent."""
    return await shared_world.gateway(replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


async def reads(person: Person, path: str, known: str | None = None) -> tuple[int, str, str | None]:
    """Status, text and ETag of a GET."""
    headers = {"Authorization": f"Bearer {person.token}"} | ({} if known is None else {"If-None-Match": known})
    async with person.http.get(f"{person.url}{path}/state", headers=headers) as response:
        return response.status, await response.text(), response.headers.get("ETag")


async def test_a_state_that_was_never_written_is_empty(mia: Person) -> None:
    """P-4: three objects, and version 0."""
    path = await new_session(mia)
    assert await mia.gets(f"{path}/state") == EMPTY
    assert (await reads(mia, path))[2] == '"0"'


async def test_a_written_state_is_read_back(mia: Person) -> None:
    """P-4: keys that a write omits stay unchanged."""
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"goal": "trip"}, attributes={"seats": [1, 2.5, None, "ö"]})
    written = await writes(mia, path, '"1"', scratchpad={"todo": {"a": True}})
    assert written["etag"] == '"2"'
    assert await mia.gets(f"{path}/state") == {
        "blackboard": {"goal": "trip"},
        "scratchpad": {"todo": {"a": True}},
        "attributes": {"seats": [1, 2.5, None, "ö"]},
    }


async def test_the_second_of_two_writers_gets_a_412(mia: Person) -> None:
    """P-3: both read version 0; one write is kept, the other is a 412 with the current ETag."""
    path = await new_session(mia)
    answers = await asyncio.gather(
        *(
            mia.calls("PUT", f"{path}/state", json={"scratchpad": {"by": n}}, headers={"If-Match": '"0"'})
            for n in (1, 2)
        )
    )
    assert sorted(status for status, _ in answers) == [200, 412]
    winner = next(body for status, body in answers if status == 200)
    assert await mia.gets(f"{path}/state") == winner
    stale = await writes(mia, path, '"0"', 412, scratchpad={"by": 3})
    assert stale["etag"] == '"1"'
    assert stale["status"] == 412
    assert "write again" in stale["detail"]


async def test_twenty_writers_lose_nothing(mia: Person) -> None:
    """P-3: each reads, adds its own key and writes until it succeeds."""
    path = await new_session(mia)

    async def adds(key: str) -> None:
        while True:
            _, text, version = await reads(mia, path)
            state = json.loads(text)
            body = {"blackboard": {**state["blackboard"], key: 1}}
            status, _ = await mia.calls("PUT", f"{path}/state", json=body, headers={"If-Match": str(version)})
            if status == 200:
                return

    await asyncio.gather(*(adds(f"key{n}") for n in range(20)))
    assert (await mia.gets(f"{path}/state"))["blackboard"] == {f"key{n}": 1 for n in range(20)}


async def test_a_write_needs_if_match(mia: Person) -> None:
    """Without it nothing is written; an unquoted tag is invalid; `*` overwrites any version."""
    path = await new_session(mia)
    status, problem = await mia.calls("PUT", f"{path}/state", json={"blackboard": {"a": 1}})
    assert (status, "If-Match" in problem["detail"]) == (400, True)
    await writes(mia, path, "0", 400, blackboard={"a": 1})
    await writes(mia, path, 'W/"0"', 412, blackboard={"a": 1})
    await writes(mia, path, '"abc"', 412, blackboard={"a": 1})
    assert await mia.gets(f"{path}/state") == EMPTY
    assert (await writes(mia, path, "*", blackboard={"a": 1}))["etag"] == '"1"'
    assert (await writes(mia, path, '"7", "1"', blackboard={"a": 2}))["etag"] == '"2"'


async def test_a_write_that_changes_nothing_keeps_the_version(mia: Person) -> None:
    """A client that only confirms what it read gets in nobody's way."""
    path = await new_session(mia)
    assert (await writes(mia, path, '"0"', blackboard={}))["etag"] == '"0"'
    await writes(mia, path, '"0"', blackboard={"a": 1})
    assert (await writes(mia, path, '"1"', blackboard={"a": 1}))["etag"] == '"1"'


async def test_a_reader_with_the_current_version_gets_304(mia: Person) -> None:
    """Without a body, also for `*` and for one of several tags."""
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"a": 1})
    assert await reads(mia, path, '"1"') == (304, "", '"1"')
    assert await reads(mia, path, 'W/"1"') == (304, "", '"1"')
    assert await reads(mia, path, '"0"') == (200, '{"blackboard":{"a":1},"scratchpad":{},"attributes":{}}', '"1"')


@own_gateway
async def test_a_state_has_a_size_limit(world: World) -> None:
    """For all three sections together; a larger state is a 413 that names the limit, and changes nothing."""
    mia = await world.person("mia", (await world.gateway(sessions={"max_state": 2_000})).url)
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"a": "x" * 1_500})
    problem = await writes(mia, path, '"1"', 413, scratchpad={"b": "y" * 1_500})
    assert "sessions.max_state allows 2000" in problem["detail"]
    assert (await mia.gets(f"{path}/state"))["scratchpad"] == {}
    await writes(mia, path, '"1"', blackboard={}, scratchpad={"b": "y" * 1_500})


@pytest.mark.parametrize(
    "body",
    [
        {"blackboard": []},
        {"blackboard": "text"},
        {"notes": {}},
        {"blackboard": {"a": "\x00"}},
        {"blackboard": {"a": 2**70}},
        {"blackboard": {"a": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}},
    ],
)
async def test_an_invalid_state_is_refused(mia: Person, body: Any) -> None:
    """400, and nothing is written."""
    path = await new_session(mia)
    status, _ = await mia.calls("PUT", f"{path}/state", json=body, headers={"If-Match": "*"})
    assert status == 400
    assert await mia.gets(f"{path}/state") == EMPTY


async def test_the_scratchpad_may_be_a_list(mia: Person) -> None:
    """P-4: notes as a list, in snapshots and forks, too."""
    path = await new_session(mia)
    notes = [{"text": "buy milk"}, "call Ann"]
    assert (await writes(mia, path, '"0"', scratchpad=notes))["scratchpad"] == notes
    await mia.posts(f"{path}/snapshots", 201)
    await writes(mia, path, '"1"', scratchpad={})
    assert (await mia.posts(f"{path}/snapshots/latest/restore", 200))["scratchpad"] == notes
    fork = await mia.posts(f"{path}/fork", 201)
    assert (await mia.gets(f"{SESSIONS}/{fork['session_id']}/state"))["scratchpad"] == notes


async def test_a_state_is_visible_to_its_user_only(mia: Person, shared_world: World, gateway: Running) -> None:
    """P-5: for other users it does not exist; an operator reads and writes it."""
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"secret": "canary"})
    tom = await shared_world.newcomer(gateway.url)
    owner = await shared_world.newcomer(gateway.url, "operator")
    missing = path[:-4] + "0000"
    for method, options in (("GET", {}), ("PUT", {"json": {}}), ("PUT", {"json": {}, "headers": {"If-Match": "*"}})):
        told = [await tom.calls(method, f"{place}/state", **options) for place in (path, missing)]
        assert told[0] == told[1]
        assert told[0][0] == 404
    assert (await owner.gets(f"{path}/state"))["blackboard"] == {"secret": "canary"}
    await writes(owner, path, '"1"', blackboard={"secret": "seen"})
    assert (await mia.gets(f"{path}/state"))["blackboard"] == {"secret": "seen"}


@own_gateway
async def test_a_state_survives_a_restart(world: World, tmp_path: Path) -> None:
    """P-7: another gateway on the same database reads it."""
    first = await world.process("first")
    mia = await world.person("mia", first.url)
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"goal": "trip"})
    await first.dies()
    again = await world.person("mia", (await world.gateway()).url)
    assert (await again.gets(f"{path}/state"))["blackboard"] == {"goal": "trip"}


@own_gateway
async def test_deleting_a_session_deletes_its_state(world: World) -> None:
    """Neither state nor snapshot is left."""
    mia = await world.newcomer((await world.gateway()).url)
    path = await new_session(mia)
    await writes(mia, path, '"0"', blackboard={"a": 1})
    await mia.posts(f"{path}/snapshots", 201)
    status, _ = await mia.calls("DELETE", path)
    assert status == 204
    assert await world.rows("SELECT chat_id FROM session_states UNION ALL SELECT chat_id FROM snapshots") == []
