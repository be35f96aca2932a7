"""Somebody else's thing answers as one that never was: on every route, by every id, for every role.

The routes are the application's own and the bodies are the examples they declare. A new route, parameter or field that
names a thing fails here until this file knows what to put in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gateway.api.description.operations import Operation
from gateway.app.running.serve import Running
from tests.acceptance.route_requests import (
    Use,
    described,
    hides_what_others_own,
    named,
    request_of,
    seen,
)
from tests.acceptance.user_data import (
    OPEN,
    SESSIONS,
    never_there,
    rows_of,
    signed_in,
    things_of,
    visitor,
)
from tests.world import Person, World

pytestmark = pytest.mark.acceptance

NAMES_NOTHING = frozenset(
    {
        *("channel", "agent", "active", "limit", "offset", "q", "metadata.KEY", "format", "before_number"),
        *("group_by", "since", "until"),
        *("Prefer", "If-Match", "If-None-Match"),
        "Idempotency-Key",  # keys are per user: see test_names_are_per_user
        "confirm",  # the caller's own name, or nothing happens
    }
)
"""Query parameters and headers that no thing is named by; `USES` holds the others."""
NOT_FOR_VISITORS = frozenset(
    {"list_tokens", "create_token", "list_schedules", "create_schedule"}
    | {"link_telegram", "list_links", "delete_link", "identify_visitor"}
)
FOR_OPERATORS = frozenset({"list_versions", "export_user", "erase_user"})


COMPLETION: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": "hello"}]}
USES = (
    Use("before_id", "GET", SESSIONS + "/{own_session_id}/messages?before_id={message_id}"),
    Use("user", "GET", SESSIONS + "?user={user}"),
    Use("user", "GET", "/api/tokens?user={user}"),
    Use("user", "GET", "/api/schedules?user={user}"),
    Use("user", "GET", "/api/approvals?user={user}"),
    Use("user_id", "POST", "/api/tokens", {"user_id": "{user}"}),
    Use("from_message_id", "POST", SESSIONS + "/{own_session_id}/fork", {"from_message_id": "{message_id}"}),
    Use("message_id", "POST", SESSIONS + "/{own_session_id}/regenerate", {"message_id": "{message_id}"}),
    Use("message_id", "PATCH", SESSIONS + "/{own_session_id}/messages/{message_id}", {"text": "mine"}),
    Use("message_id", "DELETE", SESSIONS + "/{own_session_id}/messages/{message_id}"),
    Use("number", "GET", SESSIONS + "/{own_session_id}/snapshots/{number}"),
    Use("number", "POST", SESSIONS + "/{own_session_id}/snapshots/{number}/restore"),
    Use("before", "GET", SESSIONS + "/{own_empty_session_id}/turns?before={before}"),
    Use("cursor", "GET", SESSIONS + "?cursor={cursor}"),
    Use("cursor", "GET", "/api/agents/assistant/sessions?cursor={cursor}"),
    Use("cursor", "GET", "/api/schedules/{schedule_id}/runs?cursor={cursor}"),
    Use("confirm", "DELETE", "/api/me?confirm={user}"),
    Use("X-Session-Id", "POST", "/v1/chat/completions", COMPLETION, {"X-Session-Id": "{session_id}"}),
)


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway whose limits don't apply first."""
    return await world.gateway(**OPEN)


def filled(use: Use, things: Mapping[str, str]) -> Use:
    """The use with things in its places."""
    body = None if use.body is None else {name: _filled(value, things) for name, value in use.body.items()}
    headers = {name: value.format_map(things) for name, value in use.headers.items()}
    return Use(use.names, use.method, use.path.format_map(things), body, headers)


def _filled(value: Any, things: Mapping[str, str]) -> Any:
    return value.format_map(things) if isinstance(value, str) else value


async def test_others_objects_in_queries_and_bodies_look_missing(world: World, gateway: Running) -> None:
    """P-5: in queries, bodies and headers, beside objects of one's own."""
    ann, bob = await signed_in(world, gateway, "ann"), await signed_in(world, gateway, "bob")
    theirs = await with_cursor(ann, await things_of(world, ann))
    nobodys = {**never_there(theirs), "cursor": theirs["cursor"], "before": theirs["before"]}
    before = await rows_of(world, ann.user)
    for use in USES:
        there, nowhere = [
            await seen(bob, filled(use, {**things, **own}), {**things, **own})
            for things, own in ((theirs, await own_session(bob)), (nobodys, await own_session(bob)))
        ]
        assert there == nowhere, use
        assert b"ann" not in there[2], use
    assert await rows_of(world, ann.user) == before


async def own_session(person: Person) -> dict[str, str]:
    session = await person.posts(SESSIONS, 201)
    await person.posts(f"{SESSIONS}/{session['session_id']}/messages", 200, text="hello")
    empty = await person.posts(SESSIONS, 201)
    return {"own_session_id": session["session_id"], "own_empty_session_id": empty["session_id"]}


async def with_cursor(person: Person, things: dict[str, str]) -> dict[str, str]:
    path = f"{SESSIONS}/{things['session_id']}"
    await person.posts(f"{path}/messages", 200, text="hello again")
    sessions, turns = await person.gets(f"{SESSIONS}?limit=1"), await person.gets(f"{path}/turns?limit=1")
    return {**things, "cursor": sessions["next_cursor"], "before": turns["next_before"]}


def test_every_parameter_that_names_an_object_is_tried() -> None:
    """A new path parameter must be added to `things_of`, a new query parameter or header to `USES` or `NAMES_NOTHING`."""
    known = {use.names for use in USES} | NAMES_NOTHING
    unknown = {
        (one.name, name)
        for one in described()
        for name in [*named(one, "query"), *one.route.request_headers, *naming_fields(one)]
    }
    assert sorted(pair for pair in unknown if pair[1] not in known) == []


def naming_fields(operation: Operation) -> Iterator[str]:
    """Fields of a body that name an object; a message's own `id` belongs to its sender."""
    for name in operation.body.model_fields if operation.body else ():
        if name.endswith("_id"):
            yield name


ALLOWED = {
    "erase_me": {400},  # nobody's name does not confirm anything
    "link_telegram": {403, 409},  # the channel is off here
    "identify_visitor": {400, 403},  # the example is no pass
}
STRANGERS = ("", "tg_wrong", "a.b.c")


async def test_who_may_call_what(world: World, gateway: Running) -> None:
    """P-5: every route answers 401 alike and 403 where a role is missing, and has no other condition."""
    things = never_there(await things_of(world, await signed_in(world, gateway, "ann")))
    guest = await visitor(world, gateway)
    owner = await world.person("owner", gateway.url, "operator")
    refused: dict[str, set[str]] = {"visitor": set(), "user": set(), "operator": set()}
    unknown: set[str] = set()
    for one in described():
        if one.route.caller != "token":
            continue
        use = request_of(one, things)
        for token in STRANGERS:
            told = await seen(Person("", token, gateway.url, guest.http), use, {})
            assert told[0] == 401, (one.name, token, told)
            unknown.add(f"{one.path.startswith('/v1')} {bool(token)} {told}")
        for role, person in (("visitor", guest), ("user", await signed_in(world, gateway, "bob")), ("operator", owner)):
            status, _, body = await seen(person, use, {})
            assert status in ALLOWED.get(one.name, {200, 201, 202, 204, 403, 404}), (one.name, role, body)
            refused[role] |= {one.name} if status == 403 else set()
    assert len(unknown) == 4, unknown
    assert refused == {"visitor": NOT_FOR_VISITORS | FOR_OPERATORS, "user": FOR_OPERATORS, "operator": set()}


async def test_names_are_per_user(world: World, gateway: Running) -> None:
    """P-5: with ann's name for a conversation or her request keys, bob gets a new object of his own."""
    ann, bob = await signed_in(world, gateway, "ann"), await signed_in(world, gateway, "bob")
    before = (await things_of(world, ann), await rows_of(world, ann.user))
    chat = {"id": before[0]["chat_id"], "messages": [{"id": "m1", "role": "user", "parts": [TEXT]}]}
    for use in (
        Use("id", "POST", "/api/chat", chat),
        Use("Idempotency-Key", "POST", "/v1/chat/completions", COMPLETION, {"Idempotency-Key": "m1"}),
    ):
        status, _, told = await seen(bob, use, {})
        assert (status, b"ann" in told, before[0]["session_id"].encode() in told) == (200, False, False)
    for mine in ("", "?metadata.stateless=true"):
        assert [session["user_id"] for session in (await bob.gets(SESSIONS + mine))["sessions"]] == ["bob"]
    assert await rows_of(world, ann.user) == before[1]


TEXT = {"type": "text", "text": "hello"}


@pytest.mark.parametrize("role", ["user", "visitor"])
async def test_others_objects_look_missing(role: str, world: World, gateway: Running) -> None:
    """P-5: every route that takes an id returns the same bytes for ann's and for nobody's, and ann's objects are unchanged."""
    await hides_what_others_own(role, world, gateway)
