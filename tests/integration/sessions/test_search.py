"""Search over titles and messages: matches, order, access, and display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

import storage.migrating.migrate
from gateway.errors import SettingsError
from storage.embedded import embedded_postgres
from tests.conftest import on_database
from tests.world import PATIENCE_S, Person, World

SESSIONS = "/api/chat/sessions"
ODD = [
    "'",
    '"',
    "\\",
    "' OR 1=1 --",
    "a & | ! b",
    "((:*",
    "foo:*",
    "<->",
    "%_%",
    "*",
    "😀",
    "👩‍👩‍👧",
    "天气",
    "é",
    "\u0130stanbul",
    "<b>bold</b>",
    "a@b.example/c?d=e#f",
    "-1.5e-7",
    "x" * 200,
    "\t a \n",
    "\x01",
    "\u202e",
    "$$",
    "\\m(",
    "{}[]^",
]


@pytest.fixture
async def people(world: World) -> dict[str, Person]:
    """Two users and an operator of one gateway."""
    url = (await world.gateway()).url
    roles = {"mia": "user", "tom": "user", "owner": "operator"}
    return {name: await world.person(name, url, role) for name, role in roles.items()}


async def talk(world: World, user: str, messages: Sequence[str], title: str | None = None, **columns: Any) -> str:
    """A session with these messages, alternately of user and assistant; each newer than the earlier ones."""
    [row] = await world.rows(
        "INSERT INTO chat_sessions (user_id, agent_name, channel, title, last_seq, message_count, last_message_at)"
        " VALUES ($1, 'assistant', $2, $3, $4, $4, clock_timestamp()) RETURNING chat_id",
        *(user, columns.get("channel", "web"), title, len(messages)),
    )
    await world.rows(
        "INSERT INTO chat_messages (chat_id, seq, turn_seq, user_id, role, content, channel, created_at)"
        " SELECT $1, n, n, $2, CASE n % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, said, $4, clock_timestamp()"
        " FROM unnest($3::text[]) WITH ORDINALITY AS m (said, n)",
        *(row["chat_id"], user, list(messages), columns.get("channel", "web")),
    )
    return str(row["chat_id"])


async def search(person: Person, text: str, more: str = "") -> dict[str, Any]:
    """The response to a search."""
    page: dict[str, Any] = await person.gets(f"{SESSIONS}?q={quote(text)}{more}")
    return page


async def found(person: Person, text: str, more: str = "") -> list[str]:
    """The sessions that a search finds, in order."""
    return [session["session_id"] for session in (await search(person, text, more))["sessions"]]


async def test_a_message_is_found_and_highlighted(world: World, people: dict[str, Person]) -> None:
    """S-3: by all its words, the last one incomplete; highlights count in UTF-16 code units, as JavaScript does."""
    session = await talk(world, "mia", ["hello", "The 🎉 ferry to Helsinki leaves at noon"])
    page = await search(people["mia"], "HELSINKI fer")
    [hit] = page["sessions"]
    assert (hit["session_id"], page["total"], page["next_cursor"]) == (session, 1, None)
    [match] = hit["matches"]
    assert match == {
        "message_id": f"{session}.2",
        "seq": 2,
        "role": "assistant",
        "text": "The 🎉 ferry to Helsinki leaves at noon",
        "highlights": [[7, 12], [16, 24]],
    }
    assert await found(people["mia"], "helsinki tallinn") == []


async def test_titles_rank_first_and_are_marked(world: World, people: dict[str, Person]) -> None:
    """A title outranks a message; among equals the latest activity comes first."""
    titled = await talk(world, "mia", ["nothing here"], title="Pancakes for ten")
    older = await talk(world, "mia", ["how to make pancakes"])
    newer = await talk(world, "mia", ["how to make pancakes"])
    page = await search(people["mia"], "pancakes")
    assert [session["session_id"] for session in page["sessions"]] == [titled, newer, older]
    assert page["sessions"][0]["matches"] == [
        {"message_id": None, "seq": None, "role": None, "text": "Pancakes for ten", "highlights": [[0, 8]]}
    ]


async def test_a_session_shows_three_matches_at_most(world: World, people: dict[str, Person]) -> None:
    """The best ones."""
    await talk(world, "mia", [f"zebra number {number}" for number in range(9)])
    [hit] = (await search(people["mia"], "zebra"))["sessions"]
    assert len(hit["matches"]) == 3


async def test_search_covers_all_channels_and_takes_filters(world: World, people: dict[str, Person]) -> None:
    """AC-9: the filters of the list work for searches, too."""
    web = await talk(world, "mia", ["the red kite"])
    telegram = await talk(world, "mia", ["the red kite"], channel="telegram")
    await world.rows(
        "UPDATE chat_sessions SET metadata = '{\"course\": 7}', is_active = false WHERE channel = 'telegram'"
    )
    assert await found(people["mia"], "kite") == [telegram, web]
    for narrowed in ("&channel=telegram", "&metadata.course=7", "&active=false"):
        assert await found(people["mia"], "kite", narrowed) == [telegram]
    assert await found(people["mia"], "kite", "&agent=other") == []


async def test_users_find_only_their_own_messages(world: World, people: dict[str, Person]) -> None:
    """AC-10: users find their own, an operator everybody's, and `user` narrows."""
    mine = await talk(world, "mia", ["a secret canary"], title="Canary")
    theirs = await talk(world, "tom", ["a secret canary"], title="Canary")
    assert await found(people["mia"], "canary") == [mine]
    assert await found(people["tom"], "cannary") == [theirs]
    assert await found(people["owner"], "canary") == [theirs, mine]
    assert await found(people["owner"], "canary", "&user=mia") == [mine]
    status, _ = await people["mia"].calls("GET", f"{SESSIONS}?q=canary&user=tom")
    assert status == 403


async def test_the_application_role_reaches_its_users_matches_only(world: World, people: dict[str, Person]) -> None:
    """P-5: Postgres enforces it: no matches without a user, and a search over all users is refused."""
    await talk(world, "mia", ["a secret canary"])
    await talk(world, "tom", ["a secret canary"], title="Canary")
    connection = await asyncpg.connect(world.database_url, server_settings={"role": "turngate_app"})
    own = "SELECT count(*) FROM find_own_matches('canary', NULL, NULL, NULL, NULL, NULL)"
    try:
        assert await connection.fetchval(own) == 0
        await connection.execute("SELECT set_config('turngate.user_id', 'mia', false)")
        assert await connection.fetchval(own) == 1
        for everyones in (
            "SELECT * FROM find_matches(NULL, 'canary', NULL, NULL, NULL, NULL, NULL)",
            "SELECT * FROM search_matches(true, 'canary', NULL, NULL, NULL, NULL, NULL)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(everyones)
    finally:
        await connection.close()
    [owner] = await world.rows(
        "SELECT proowner::regrole::text AS name, prosecdef FROM pg_proc WHERE proname = 'find_own_matches'"
    )
    assert owner == {"name": "turngate_system", "prosecdef": True}


async def test_a_user_name_may_contain_any_character(world: World, people: dict[str, Person]) -> None:
    """It is part of the index query, and quoted there."""
    name = 'o\'neil \\ & | :* "x" 😀'
    odd = await world.person(name, people["mia"].url)
    session = await talk(world, name, ["a quiet afternoon"], title="It's")
    assert await found(odd, "quiet aft") == [session]
    assert await found(odd, "it's") == [session]


async def test_deleted_messages_are_not_found(world: World, people: dict[str, Person]) -> None:
    """M-7: nor is the text of a message before its edit, nor an old title."""
    session = await talk(world, "mia", ["first platypus", "second platypus"], title="Wombats")
    await world.rows("UPDATE chat_messages SET deleted_at = now() WHERE seq = 1")
    await world.rows("UPDATE chat_messages SET content = 'second echidna' WHERE seq = 2")
    await people["mia"].calls("PATCH", f"{SESSIONS}/{session}", json={"title": "Bandicoots"})
    assert [await found(people["mia"], word) for word in ("platypus", "wombats")] == [[], []]
    assert [await found(people["mia"], word) for word in ("echidna", "bandicoots")] == [[session], [session]]
    await people["mia"].calls("DELETE", f"{SESSIONS}/{session}")
    assert await found(people["mia"], "bandicoots") == []


async def test_typos_are_forgiven(world: World, people: dict[str, Person]) -> None:
    """When no word matches, similar words do, in titles and messages; the similar word is highlighted."""
    titled = await talk(world, "mia", ["well"], title="Trip to Copenhagen")
    said = await talk(world, "mia", ["did you receive my letter"])
    assert await found(people["mia"], "Copenhaven") == [titled]
    [hit] = (await search(people["mia"], "recieve"))["sessions"]
    assert (hit["session_id"], hit["matches"][0]["highlights"]) == (said, [[8, 15]])
    assert await found(people["mia"], "qqqzzz") == []


async def test_parts_of_words_are_found_when_no_word_matches(world: World, people: dict[str, Person]) -> None:
    """For languages without spaces, and for symbols."""
    chinese = await talk(world, "mia", ["今天天气很好"])
    emoji = await talk(world, "mia", ["it is a 🦔!"])
    assert await found(people["mia"], "天气") == [chinese]
    assert await found(people["mia"], "🦔") == [emoji]


async def test_any_text_is_a_valid_search(world: World, people: dict[str, Person]) -> None:
    """It never causes an error, for an operator either."""
    await talk(world, "mia", [text or "-" for text in ODD], title="odd ' \\ things")
    for person in (people["mia"], people["owner"]):
        for text in ODD:
            await search(person, text)


@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
async def test_a_search_has_a_limited_length(people: dict[str, Person], text: str) -> None:
    """1 to 200 characters after trimming; otherwise a 400 that names the parameter."""
    status, problem = await people["mia"].calls("GET", f"{SESSIONS}?q={quote(text)}")
    assert (status, "q:" in problem["detail"]) == (400, True)


@pytest.mark.parametrize("more", ["", "&channel=web"])
async def test_results_are_paged(world: World, people: dict[str, Person], more: str) -> None:
    """By offset and by cursor, each session once; combining both, or using a list's cursor, is refused."""
    talks = [await talk(world, "mia", [f"lighthouse {'far ' * number}away"]) for number in range(7)]
    whole = await found(people["mia"], "lighthouse", more)
    assert sorted(whole) == sorted(talks)
    by_offset = [await found(people["mia"], "lighthouse", f"{more}&limit=3&offset={place}") for place in (0, 3, 6, 9)]
    assert [one for page in by_offset for one in page] == whole
    walked: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await search(people["mia"], "lighthouse", f"{more}&limit=3{cursor and f'&cursor={cursor}'}")
        assert page["total"] == (None if cursor else 7)
        walked += [session["session_id"] for session in page["sessions"]]
        cursor = page["next_cursor"]
    assert walked == whole
    listed = (await people["mia"].gets(f"{SESSIONS}?limit=1"))["next_cursor"]
    for wrong in (f"&cursor={listed}", "&cursor=x", "&cursor=x&offset=1"):
        status, _ = await people["mia"].calls("GET", f"{SESSIONS}?q=lighthouse{wrong}")
        assert status == 400


async def test_a_very_common_word_finds_the_latest_messages(world: World, people: dict[str, Person]) -> None:
    """Bounded: the latest of thousands of matches, for the user and for an operator, and the total says so."""
    await talk(world, "mia", [f"the old {number}" for number in range(6_000)])
    newest = await talk(world, "mia", ["the new"])
    for person in ("mia", "owner"):
        assert newest in await found(people[person], "the")
        for text, is_exact in (("the", False), ("the new", True)):
            page = await people[person].gets(f"/api/chat/sessions?q={text.replace(' ', '%20')}")
            assert (page["total"] > 0, page["total_is_exact"]) == (True, is_exact)


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "a_" * 50_000, "~/" * 50_000, "<!-- " * 20_000, "<a " * 30_000, "é-" * 50_000, "😀" * 100_000]
    + ["x" * size for size in range(2_040, 2_050)]
    + [" ".join(f"w{number}" for number in range(16_000))],
    ids=lambda text: f"{text[:5]}-{len(text)}",
)
async def test_the_index_accepts_any_message(shared_world: World, text: str) -> None:
    """Long runs, unclosed tags, words at Postgres's limits: stored at once, and earlier words are found."""
    connection = await asyncpg.connect(shared_world.database_url)
    try:
        # Work quadratic in the length would still be running.
        await connection.execute(f"SET statement_timeout = '{PATIENCE_S:.0f}s'")
        words = await connection.fetchval("SELECT search_words('mia', $1)::text", f"needle {text}")
        shard = await connection.fetchval("SELECT search_shard('mia')")
    finally:
        await connection.close()
    assert f"'{shard}needle'" in words


async def test_the_index_works_without_a_search_path(world: World) -> None:
    """As for autovacuum, ANALYZE and REINDEX, which see no schema but their own."""
    await talk(world, "mia", ["some words"], title="A title")
    for statement in (
        "REINDEX INDEX message_words_words",
        "REINDEX INDEX session_titles_words",
        "ANALYZE message_words",
    ):
        await world.rows(statement)


async def test_a_server_that_refuses_the_extension_says_what_to_run(tmp_path: Any) -> None:
    """The login may not create extensions; once a superuser has created it, search works."""
    async with embedded_postgres(tmp_path / "server", {"fsync": "off"}) as superuser:
        connection = await asyncpg.connect(superuser)
        for statement in (
            "CREATE ROLE gateway LOGIN CREATEROLE",
            "GRANT turngate_app, turngate_system TO gateway WITH ADMIN OPTION",
            "CREATE DATABASE chat OWNER turngate",
        ):
            await connection.execute(statement)
        await connection.close()
        chat = await asyncpg.connect(on_database(superuser, "chat"))
        await chat.execute("GRANT ALL ON SCHEMA public TO gateway WITH GRANT OPTION")
        url = on_database(superuser, "chat").replace("turngate@", "gateway@")
        with pytest.raises(SettingsError, match=r"A superuser must run once .*: CREATE EXTENSION pg_trgm"):
            await storage.migrating.migrate.migrate(url)
        await chat.execute("CREATE EXTENSION pg_trgm SCHEMA public")
        await chat.close()
        await storage.migrating.migrate.migrate(url)
