"""Exports of a session, and of all of a user's data."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.app.running.serve import Running
from gateway.errors import StoreUnavailable
from storage.sessions.exports import EXPORTED, KEPT_BACK
from tests.detours import Detours
from tests.integration.identity.user_data import SESSIONS, TABLES, settles
from tests.shell import Shell
from tests.world import Person, World


@pytest.fixture
async def gateway(world: World, detours: Detours) -> Running:
    """A gateway with the demo agent."""
    return await world.gateway(detours.seams)


@pytest.fixture
async def mia(world: World, gateway: Running) -> Person:
    """A user."""
    return await world.person("mia", gateway.url)


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    """A shell on the same database."""
    return Shell(tmp_path, database_url)


async def fetched(person: Person, path: str) -> tuple[aiohttp.ClientResponse, str]:
    """A file, and the details in its headers."""
    headers = {"Authorization": f"Bearer {person.token}"}
    async with person.http.get(f"{person.url}{path}", headers=headers) as response:
        return response, await response.text()


async def test_a_session_as_json(world: World, mia: Person) -> None:
    """Its visible messages with their parts, its state, its snapshots; a file name that is safe anywhere."""
    session = await settles(world, mia)
    response, text = await fetched(mia, f"{SESSIONS}/{session}/export")
    document = json.loads(text)
    assert response.headers["Content-Disposition"] == f'attachment; filename="turngate-session-{session}.json"'
    assert response.content_type == "application/json"
    assert document["session"] == await mia.gets(f"{SESSIONS}/{session}")
    live = [row for row in (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"] if not row["deleted"]]
    assert document["messages"] == live
    assert document["state"]["blackboard"] == {"x": "canary of session_states"}
    assert [snapshot["number"] for snapshot in document["snapshots"]] == list(range(1, 13))
    assert "canary of hidden" not in [row["content"] for row in document["messages"]]


async def test_a_session_as_markdown(mia: Person) -> None:
    """For reading: roles, times, tools, with Markdown syntax in texts escaped."""
    made = await mia.posts(SESSIONS, 201, title="A [bold] talk")
    path = f"{SESSIONS}/{made['session_id']}"
    await mia.posts(f"{path}/messages", 200, text="use a tool\n\n## user, 2026\n\n<script>alert(1)</script>")
    response, text = await fetched(mia, f"{path}/export?format=markdown")
    assert (response.content_type, response.charset) == ("text/markdown", "utf-8")
    assert text.startswith("# A \\[bold\\] talk\n\nmia, web, assistant, begun ")
    assert [line.split(",")[0] for line in text.splitlines() if line.startswith("## ")] == ["## user", "## assistant"]
    assert "**Tool count\\_words**" in text
    assert "> \\<script>alert(1)\\</script>" in text


async def test_a_long_session_is_written_page_by_page(world: World, mia: Person) -> None:
    """More rows than a page, each once and in order, and more bytes than the buffer holds."""
    made = await mia.posts(SESSIONS, 201)
    await world.rows(
        "INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq)"
        " SELECT chat_id, n, 'mia', 'user', repeat('x', 1000) || n, 'web', n FROM chat_sessions, generate_series(1, 1050) AS n"
    )
    _, text = await fetched(mia, f"{SESSIONS}/{made['session_id']}/export")
    assert [row["seq"] for row in json.loads(text)["messages"]] == list(range(1, 1051))


async def test_a_user_export_contains_all_rows_of_the_user(world: World, mia: Person, gateway: Running) -> None:
    """Read from the catalogue: rows of every table of users' rows, and nobody else's."""
    await settles(world, mia)
    tom = await world.person("tom", gateway.url)
    await tom.posts("/api/schedules", 201, name="x", prompt="tom's", trigger={"type": "interval", "seconds": 60})
    tables = {row["name"] for row in await world.rows(TABLES)}
    assert tables == EXPORTED.keys() | KEPT_BACK.keys()
    response, text = await fetched(mia, "/api/me/export")
    assert response.headers["Content-Disposition"] == 'attachment; filename="turngate-mia.json"'
    silent = {"turns"}
    assert [table for table in sorted(EXPORTED.keys() - silent) if f"canary of {table}" not in text] == []
    document = json.loads(text)
    assert all(session["turns"] for session in document["sessions"])
    assert [row["content"] for row in document["sessions"][0]["hidden"]] == ["canary of hidden"]
    assert "tom's" not in text


async def test_an_export_contains_no_secret(world: World, mia: Person) -> None:
    """Neither tokens nor their hashes."""
    await settles(world, mia)
    _, text = await fetched(mia, "/api/me/export")
    assert mia.token not in text
    assert "digest" not in text
    digests = await world.rows("SELECT encode(digest, 'hex') AS hex FROM api_tokens")
    assert [row for row in digests if row["hex"] in text] == []


async def test_operators_export_anyone(world: World, gateway: Running, mia: Person) -> None:
    """Users only themselves."""
    await settles(world, mia)
    owner = await world.person("owner", gateway.url, "operator")
    response, text = await fetched(owner, "/api/users/mia/export")
    assert response.status == 200
    assert json.loads(text)["user_id"] == "mia"
    assert len(json.loads(text)["sessions"]) == 2
    assert (await mia.calls("GET", "/api/users/mia/export"))[0] == 403
    assert (await owner.gets("/api/users/nobody/export"))["sessions"] == []


async def test_a_foreign_session_is_a_missing_one(world: World, gateway: Running, mia: Person) -> None:
    """AC-10, for exports."""
    made = await mia.posts(SESSIONS, 201)
    tom = await world.person("tom", gateway.url)
    foreign = await tom.calls("GET", f"{SESSIONS}/{made['session_id']}/export")
    assert foreign == await tom.calls("GET", f"{SESSIONS}/nothing/export")
    assert foreign[0] == 404
    assert (await mia.calls("GET", f"{SESSIONS}/{made['session_id']}/export?format=pdf"))[0] == 400


async def test_an_unfinished_export_is_cut_off(world: World, mia: Person, detours: Detours) -> None:
    """So nobody mistakes half of an export for all of it."""
    made = await mia.posts(SESSIONS, 201)
    await world.rows(
        "INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq)"
        " SELECT chat_id, n, 'mia', 'user', repeat('x', 1000), 'web', n FROM chat_sessions, generate_series(1, 200) AS n"
    )

    async def away(*_: Any) -> Any:
        raise StoreUnavailable("away")

    detours.divert("exports", "kept", away)
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetched(mia, f"{SESSIONS}/{made['session_id']}/export")


async def test_the_command_line_writes_the_same(world: World, mia: Person, shell: Shell) -> None:
    """To standard output, or into a file; nothing else."""
    session = await settles(world, mia)
    one = await shell.runs("sessions", "export", session)
    assert one.json == json.loads((await fetched(mia, f"{SESSIONS}/{session}/export"))[1])
    everything = (await shell.runs("users", "export", "mia")).json
    document = json.loads((await fetched(mia, "/api/me/export"))[1])
    assert {**everything, "exported_at": 0} == {**document, "exported_at": 0}
    assert (await shell.runs("users", "export", "mia", "--output", "mia.json")).out == ""


async def test_concurrent_exports_do_not_mix(world: World, gateway: Running) -> None:
    """Each contains its own session."""
    people = [await world.person(f"user-{n}", gateway.url) for n in range(4)]
    for person in people:
        await person.posts(SESSIONS, 201, title=f"only {person.user}")
    texts = [text for _, text in await asyncio.gather(*(fetched(person, "/api/me/export") for person in people))]
    for person, text in zip(people, texts, strict=True):
        assert [session["session"]["title"] for session in json.loads(text)["sessions"]] == [f"only {person.user}"]
