"""The list of sessions: filters, metadata, pages and totals."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import own_gateway
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"


ROLES = {"mia": "user", "tom": "user", "owner": "operator"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def people(shared_world: World, shared_gateway: Running) -> dict[str, Person]:
    """Two users and an operator of a gateway that other tests use, too."""
    return {name: await shared_world.newcomer(shared_gateway.url, role) for name, role in ROLES.items()}


@pytest.fixture
async def only_people(world: World) -> dict[str, Person]:
    """Two users and an operator, and nobody else."""
    url = (await world.gateway()).url
    return {name: await world.person(name, url, role) for name, role in ROLES.items()}


async def made(person: Person, **body: Any) -> str:
    """The id of a new session."""
    return str((await person.posts(SESSIONS, 201, **body))["session_id"])


async def listed(person: Person, query: str) -> list[str]:
    """The sessions of a list, in order."""
    return [session["session_id"] for session in (await person.gets(f"{SESSIONS}?{query}"))["sessions"]]


@pytest.mark.parametrize(
    ("value", "asked"),
    [(7, "7"), ("7", "7"), (True, "true"), (1.5, "1.5"), ("a b & c", "a b & c"), ("", ""), ("é😀", "é😀")],
)
async def test_metadata_filters_compare_values_as_text(people: dict[str, Person], value: object, asked: str) -> None:
    """M-4: numbers, strings and booleans are found by their JSON spelling."""
    session = await made(people["mia"], metadata={"course": value})
    await made(people["mia"], metadata={"course": "other"})
    await made(people["mia"], metadata={"lesson": value})
    assert await listed(people["mia"], f"metadata.course={quote(asked)}") == [session]


@pytest.mark.parametrize("value", [None, [7], {"id": 7}])
async def test_objects_and_arrays_are_not_found(people: dict[str, Person], value: object) -> None:
    """Neither by their text nor by their elements."""
    await made(people["mia"], metadata={"course": value})
    for asked in ("7", "null", "[7]", '{"id": 7}', '{"id":7}'):
        assert await listed(people["mia"], f"metadata.course={quote(asked)}") == []


async def test_filters_are_combined(people: dict[str, Person]) -> None:
    """M-4: several keys, odd ones too, and every other parameter; two values for one key match nothing."""
    wanted = await made(people["mia"], metadata={"course": 7, "a.b c=": "x", "k" * 100: 1})
    await made(people["mia"], metadata={"course": 7})
    long = "k" * 100
    assert await listed(people["mia"], f"metadata.course=7&metadata.{quote('a.b c=', safe='')}=x") == [wanted]
    query = f"metadata.{long}=1&channel=web&agent=assistant&active=true"
    assert await listed(people["mia"], query) == [wanted]
    assert await listed(people["mia"], f"{query}&metadata.course=8") == []
    assert await listed(people["mia"], "metadata.course=7&metadata.course=8") == []
    assert await listed(people["mia"], f"{query}&limit=1&offset=1") == []


@pytest.mark.parametrize("name", ["metadata.", "metadata", "metadata." + "k" * 101, "meta.course", "metadata.a%00b"])
async def test_an_invalid_metadata_key_is_refused(people: dict[str, Person], name: str) -> None:
    """400 with the reason."""
    status, problem = await people["mia"].calls("GET", f"{SESSIONS}?{name}=7")
    assert (status, problem["title"]) == (400, "Bad Request")


async def test_metadata_filters_find_no_foreign_sessions(people: dict[str, Person]) -> None:
    """AC-10: an operator sees both, and `user` narrows."""
    mia = people["mia"].user
    mine, theirs = [await made(people[name], metadata={"course": mia}) for name in ("mia", "tom")]
    assert await listed(people["mia"], f"metadata.course={mia}") == [mine]
    assert await listed(people["owner"], f"metadata.course={mia}") == [theirs, mine]
    assert await listed(people["owner"], f"metadata.course={mia}&user={mia}") == [mine]


async def test_pages_by_cursor_and_by_offset_agree(people: dict[str, Person]) -> None:
    """M-1: `total` counts all matches and is null with a cursor; combining both is refused."""
    made_ids = [await made(people["mia"], metadata={"even": number % 2 == 0}) for number in range(9)]
    even = [session for number, session in enumerate(made_ids) if number % 2 == 0][::-1]
    first = await people["mia"].gets(f"{SESSIONS}?metadata.even=true&limit=2")
    assert (first["total"], first["total_is_exact"]) == (5, True)
    walked, page = [], first
    while True:
        walked += [session["session_id"] for session in page["sessions"]]
        if page["next_cursor"] is None:
            break
        page = await people["mia"].gets(f"{SESSIONS}?metadata.even=true&limit=2&cursor={page['next_cursor']}")
        assert (page["total"], page["total_is_exact"]) == (None, None)
    assert walked == even == await listed(people["mia"], "metadata.even=true&limit=200&offset=0")
    assert await listed(people["mia"], "metadata.even=true&limit=2&offset=2") == even[2:4]
    status, _ = await people["mia"].calls("GET", f"{SESSIONS}?cursor={first['next_cursor']}&offset=0")
    assert status == 400


@own_gateway
async def test_all_users_sessions_are_counted_among_the_newest(world: World, only_people: dict[str, Person]) -> None:
    """An operator's count has a bounded cost, and the response says when there may be more."""
    await world.rows(
        "INSERT INTO chat_sessions (user_id, agent_name, metadata, created_at)"
        " SELECT 'tom', 'assistant', jsonb_build_object('even', n % 2 = 0, 'old', n = 1), now() + make_interval(secs => n)"
        " FROM generate_series(1, 5001) AS n"
    )
    for query, total in (("", 5_000), ("metadata.even=true&", 2_500), ("offset=4998&", 5_000)):
        page = await only_people["owner"].gets(f"{SESSIONS}?{query}limit=1")
        assert (page["total"], page["total_is_exact"]) == (total, False)


@own_gateway
async def test_a_list_that_fits_on_a_page_is_counted_exactly(world: World, only_people: dict[str, Person]) -> None:
    """For operators, too: every session shown counts, however old it is."""
    await world.rows(
        "INSERT INTO chat_sessions (user_id, agent_name, channel, created_at)"
        " SELECT 'tom', 'assistant', CASE WHEN n <= 3 THEN 'terminal' ELSE 'web' END, now() + make_interval(secs => n)"
        " FROM generate_series(1, 5010) AS n"
    )
    for query, total, is_exact in (("limit=3", 3, True), ("limit=2", 3, False), ("limit=2&offset=2", 3, True)):
        page = await only_people["owner"].gets(f"{SESSIONS}?channel=terminal&{query}")
        assert (page["total"], page["total_is_exact"]) == (total, is_exact)
    for person in ("owner", "tom"):
        page = await only_people[person].gets(f"{SESSIONS}?user=tom&channel=terminal&limit=1&offset=9")
        assert (page["total"], page["total_is_exact"]) == (3, True)
    page = await only_people["owner"].gets(f"{SESSIONS}?channel=terminal&limit=1&offset=9")
    assert (page["total"], page["total_is_exact"]) == (0, False)  # none of the newest 5,000, and none on this page


@own_gateway
async def test_a_list_of_ended_sessions_reads_nothing_else(world: World, only_people: dict[str, Person]) -> None:
    """It uses an index that has no entries for active sessions."""
    await world.rows(
        "INSERT INTO chat_sessions (user_id, agent_name, is_active) SELECT 'mia', 'assistant', n % 500 > 0 FROM generate_series(1, 5000) AS n"
    )
    await world.rows("ANALYZE chat_sessions")
    assert len(await listed(only_people["mia"], "active=false&limit=200")) == 10
    assert len(await listed(only_people["owner"], "active=false&limit=200")) == 10
    used = "SELECT sum(idx_scan) AS scans FROM pg_stat_user_indexes WHERE indexrelname LIKE 'chat_sessions%ended'"

    async def both() -> bool:
        return bool((await world.rows(used))[0]["scans"] >= 2)

    await eventually(both)


@own_gateway
async def test_rare_metadata_values_are_read_through_an_index(world: World, only_people: dict[str, Person]) -> None:
    """However many sessions there are, for a user and for an operator; total and pages stay the same."""
    await world.rows(
        "INSERT INTO chat_sessions (user_id, agent_name, metadata, created_at) SELECT owner, 'assistant',"
        " jsonb_build_object('rare', n % 1000, 'known', true), now() + make_interval(secs => n)"
        " FROM generate_series(1, 2000) AS n, unnest(ARRAY['mia', 'tom']) AS owner"
    )
    for person, rare, known in (("mia", 2, (2000, True)), ("owner", 4, (4000, True))):
        page = await only_people[person].gets(f"{SESSIONS}?metadata.rare=7&metadata.known=true&limit=1")
        assert (page["total"], page["total_is_exact"]) == (rare, True)
        walked = await listed(only_people[person], f"metadata.rare=7&cursor={page['next_cursor']}")
        assert [page["sessions"][0]["session_id"], *walked] == await listed(only_people[person], "metadata.rare=7")
        assert len(walked) == rare - 1
        page = await only_people[person].gets(f"{SESSIONS}?metadata.known=true&limit=1")
        assert (page["total"], page["total_is_exact"]) == known
    used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'chat_sessions_labels'"

    async def each_time() -> bool:
        return bool((await world.rows(used))[0]["idx_scan"] >= 8)

    await eventually(each_time)


async def test_changed_metadata_is_found_by_its_current_values(people: dict[str, Person]) -> None:
    """M-4: a session is found by its current metadata and by no earlier values."""
    session = await made(people["mia"], metadata={"course": 7})
    await people["mia"].calls("PATCH", f"{SESSIONS}/{session}", json={"metadata": {"course": 8}})
    assert await listed(people["mia"], "metadata.course=7") == []
    assert await listed(people["mia"], "metadata.course=8") == [session]


async def test_other_routes_accept_no_metadata(people: dict[str, Person]) -> None:
    """A parameter without effect is refused, with a list of the valid ones."""
    session = await made(people["mia"])
    status, problem = await people["mia"].calls("GET", f"{SESSIONS}/{session}/messages?metadata.course=7")
    assert (status, "before_id" in problem["detail"]) == (400, True)


async def test_the_parameters_are_documented(people: dict[str, Person]) -> None:
    """In `/openapi.json`, `metadata.KEY` among them."""
    document = await people["mia"].gets("/openapi.json")
    shared = document["components"]["parameters"]
    told = document["paths"][SESSIONS]["get"]["parameters"]
    names = {shared[one["$ref"].rpartition("/")[2]]["name"] if "$ref" in one else one["name"] for one in told}
    assert {"channel", "agent", "q", "metadata.KEY", "active", "user", "limit", "offset", "cursor"} <= names
