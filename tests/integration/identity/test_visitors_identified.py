"""Visitors who are identified later: the user takes over their conversations, and their token reads nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.app.running.serve import Running
from tests.integration.identity.visitors import KEY, ORIGIN, WEB, identifies, opens, visitor
from tests.world import World, eventually

COLUMN = """
    SELECT c.oid::regclass::text AS name FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = $1 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
OWNERS = "SELECT DISTINCT user_id FROM {table} WHERE chat_id IN (SELECT chat_id FROM chat_sessions)"
STAY = {
    "api_tokens",
    "sign_in_codes",
    "schedules",
    "links",
    "link_codes",
    "identified_visitors",
    "erasures",
    "budget_days",
}
"""What a visitor never has, or what is about persons and not about sessions: what a visitor has spent today counts for the visitor."""


@pytest.fixture
async def gateway(world: World) -> Running:
    return await world.gateway(web=WEB, secret_key=KEY)


async def test_the_user_takes_over_the_conversations(world: World, gateway: Running) -> None:
    """With every row of every table that belongs to a session."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    socket = await opens(guest)
    reply = await socket.asks("my number is 4711", "k1")
    status, body = await identifies(ann, guest.token)
    assert (status, body) == (200, {"sessions": 1})
    [session] = (await ann.gets("/api/chat/sessions"))["sessions"]
    assert (session["session_id"], session["user_id"]) == (reply["session_id"], "ann")
    said = await ann.gets(f"/api/chat/sessions/{session['session_id']}/messages")
    assert said["messages"][0]["content"] == "my number is 4711"
    tables = {row["name"] for row in await world.rows(COLUMN, "chat_id")}
    assert {"chat_sessions", "chat_messages", "turns", "routes", "outbox"} <= tables
    for table in tables:
        rows = await world.rows(OWNERS.format(table=table))
        assert [row["user_id"] for row in rows if row["user_id"] != "ann"] == [], table


async def test_every_table_of_users_moves_or_stays_on_purpose(world: World) -> None:
    """A new table with users' rows belongs to a session (`chat_id`), or is named here."""
    of_users = {row["name"] for row in await world.rows(COLUMN, "user_id")}
    moved = {row["name"] for row in await world.rows(COLUMN, "chat_id")}
    assert of_users - moved == STAY


async def test_the_visitors_token_is_no_longer_valid(world: World, gateway: Running) -> None:
    """FACTS §7.3: 401, 4401, and an open socket closes before it receives anything else."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    socket = await opens(guest)
    session_id = (await socket.asks("hello", "k1"))["session_id"]
    await identifies(ann, guest.token)
    await ann.posts(f"/api/chat/sessions/{session_id}/messages", 200, text="not for the visitor")
    assert await socket.closes() == 4401
    assert "not for the visitor" not in str(socket.heard)
    assert (await guest.calls("GET", "/api/chat/sessions", headers=ORIGIN))[0] == 401
    again = await guest.opens(ORIGIN)
    await again.says(type="hello", token=guest.token)
    assert await again.closes() == 4401


async def test_other_replicas_learn_within_seconds(world: World, gateway: Running) -> None:
    """Sockets there close, too; until then the visitor has no sessions there."""
    other = await world.gateway(web=WEB, secret_key=KEY, data_dir="other")
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    elsewhere = replace(guest, url=other.url)
    socket = await opens(elsewhere)
    session_id = (await socket.asks("hello", "k1"))["session_id"]
    await identifies(ann, guest.token)
    status, _ = await elsewhere.calls("GET", f"/api/chat/sessions/{session_id}/messages", headers=ORIGIN)
    assert status in {401, 404}
    assert await socket.closes(within=5) == 4401

    async def refused() -> bool:
        return (await elsewhere.calls("GET", "/api/me", headers=ORIGIN))[0] == 401

    await eventually(refused, within=5)


async def test_only_the_same_user_can_repeat_an_identification(world: World, gateway: Running) -> None:
    """A retry is harmless; another user's claim is refused, whatever they know."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    eve = await world.person("eve", gateway.url)
    await (await opens(guest)).asks("hello", "k1")
    assert await identifies(ann, guest.token) == await identifies(ann, guest.token) == (200, {"sessions": 1})
    assert (await identifies(eve, guest.token))[0] == 409
    assert (await eve.gets("/api/chat/sessions"))["sessions"] == []


async def test_an_identification_waits_for_a_running_turn(world: World, gateway: Running) -> None:
    """A turn keeps its lease: nothing moves during it, and the same call succeeds afterwards."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    socket = await opens(guest)
    await socket.says(type="send", id="k1", text="wait 1 seconds")
    turn = (await socket.hears("ack"))["turn_id"]
    status, problem = await identifies(ann, guest.token)
    assert status == 409
    assert "still being written" in problem["detail"]
    assert (await guest.calls("GET", "/api/me", headers=ORIGIN))[0] == 200
    await socket.hears("turn", turn_id=turn, status="completed")
    assert await identifies(ann, guest.token) == (200, {"sessions": 1})
    [row] = await world.rows("SELECT status, attempt, user_id FROM turns")
    assert row == {"status": "completed", "attempt": 1, "user_id": "ann"}


async def test_the_users_own_current_conversation_stays_current(world: World, gateway: Running) -> None:
    """The visitor's is in the list; a route where the user had no session continues the visitor's."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    mine = (await (await ann.connects()).asks("mine", "k1"))["session_id"]
    await (await opens(guest)).asks("theirs", "k1")
    await (await opens(guest, channel="terminal")).asks("theirs too", "k2")
    await identifies(ann, guest.token)
    assert (await ann.connects()).heard[0]["session_id"] == mine
    assert (await ann.connects(channel="terminal")).heard[0]["resumed"]
    assert (await ann.gets("/api/chat/sessions"))["total"] == 3


async def test_an_external_id_stays_with_the_users_session(world: World, gateway: Running) -> None:
    """The visitor's session with the same id moves without it."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    await (await opens(guest)).asks("theirs", "k1")
    await (await ann.connects()).asks("mine", "k2")
    await world.rows(
        "INSERT INTO external_keys SELECT s.user_id, k, s.chat_id FROM chat_sessions AS s,"
        " unnest(ARRAY['same', s.user_id]) AS k RETURNING 1"
    )
    assert await identifies(ann, guest.token) == (200, {"sessions": 1})
    kept = await world.rows(
        "SELECT k.user_id, external_key, content FROM external_keys AS k JOIN chat_messages AS m USING (chat_id)"
        " WHERE m.seq = 1 ORDER BY content, external_key"
    )
    assert {row["user_id"] for row in kept} == {"ann"}
    named = sorted((row["external_key"], row["content"]) for row in kept)
    assert named == sorted([("ann", "mine"), ("same", "mine"), (guest.user, "theirs")])


async def test_only_a_visitors_pass_from_its_own_page_counts(world: World, gateway: Running) -> None:
    """Forged 400, another origin or none 403, another visitor 403."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    assert (await identifies(ann, guest.token[:-4] + "AAAA"))[0] == 400
    assert (await identifies(ann, ann.token))[0] == 400
    assert (await identifies(ann, guest.token, "https://other.example"))[0] == 403
    assert (await identifies(ann, guest.token, None))[0] == 403
    other = await visitor(world, gateway.url)
    assert (await identifies(other, guest.token))[0] == 403
    assert (await guest.calls("GET", "/api/me", headers=ORIGIN))[0] == 200


async def test_a_visitor_cannot_link_accounts(world: World, gateway: Running) -> None:
    """Commands about accounts say so, with or without a code."""
    socket = await opens(await visitor(world, gateway.url))
    for number, text in enumerate(("/link", "/link abc", "/unlink")):
        await socket.says(type="send", id=f"k{number}", text=text)
        assert "Sign in first" in (await socket.hears("notice"))["text"]


async def test_the_database_contains_no_token(world: World, gateway: Running) -> None:
    """FACTS §7.7: a full dump holds no API token and no visitor's pass."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    made = await ann.posts("/api/tokens", 201, name="laptop")
    await (await opens(guest)).asks("hello", "k1")
    await identifies(ann, guest.token)
    dump = ""
    for table in await world.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"):
        rows = await world.rows(f'SELECT t::text AS whole FROM "{table["name"]}" AS t')
        dump += "".join(row["whole"] for row in rows)
    assert "laptop" in dump
    assert [token for token in (guest.token, ann.token, made["token"]) if token in dump or token[3:] in dump] == []
