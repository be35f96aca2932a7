"""What people own, told apart by the name of the parameter that leads to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import jwt

from gateway.app.running.serve import Running
from tests.world import Person, World

SHOP = "https://shop.example"
LOGIN_SECRET = "a secret of thirty-two bytes or more"
SESSIONS = "/api/chat/sessions"
OPEN: dict[str, Any] = {
    "web": {"allowed_origins": [SHOP], "anonymous": True},
    "auth": {"jwt_secret": LOGIN_SECRET},
    "limits": {
        "visitors_per_minute": None,
        "visitor_messages_per_minute": None,
        "visitor_requests_per_minute": None,
        "wrong_tokens_per_minute": None,
        "sign_ins_per_minute": 1_000_000,
        "schedules_per_user": None,
        "tokens_per_user": None,
    },
}
"""Settings of a gateway that takes visitors and the tests' own login, as often as they like."""


async def signed_in(world: World, gateway: Running, user: str) -> Person:
    """Somebody with a login of the customer's own: nothing of it is in the database."""
    token = jwt.encode({"sub": user, "exp": time.time() + 600}, LOGIN_SECRET, algorithm="HS256")
    return Person(user, token, gateway.url, await world.http())


async def visitor(world: World, gateway: Running) -> Person:
    """An anonymous visitor of the shop."""
    http = await world.http()
    async with http.post(f"{gateway.url}/api/visitors", headers={"Origin": SHOP}) as response:
        made = await response.json()
    return Person(made["user_id"], made["token"], gateway.url, http)


def headers_of(person: Person) -> dict[str, str]:
    """As their browser sends them; visitors come from the shop, and a stranger has no token."""
    origin = {"Origin": SHOP} if person.user.startswith("visitor:") else {}
    token = {"Authorization": f"Bearer {person.token}"} if person.token else {}
    return {**token, **origin}


async def things_of(world: World, person: Person) -> dict[str, str]:
    """One thing of each kind, a turn that is running included."""
    world.afterwards(partial(stop_turns, world, person))
    session = await person.posts(SESSIONS, 201, title="a secret plan", metadata={"course": 7})
    path = f"{SESSIONS}/{session['session_id']}"
    sent = await person.posts(f"{path}/messages", 200, text="hello")
    schedule = await person.posts(
        "/api/schedules", 201, name="s", prompt="p", trigger={"type": "interval", "seconds": 3600}
    )
    return {
        "session_id": session["session_id"],
        "message_id": sent["message"]["id"],
        "from_message_id": sent["message"]["id"],
        "turn_id": await running_turn(person),
        "approval_id": await open_question(person),
        "number": str((await person.posts(f"{path}/snapshots", 201))["number"]),
        "schedule_id": schedule["id"],
        "token_id": (await person.posts("/api/tokens", 201, name="laptop"))["id"],
        "link_id": await link(world, person),
        "chat_id": await conversation(person),
        "user": person.user,
        "user_id": person.user,
    }


async def stop_turns(world: World, person: Person) -> None:
    """Gateways that stop need not wait for them."""
    for row in await world.rows("SELECT turn_id FROM turns WHERE user_id = $1 AND ended_at IS NULL", person.user):
        await person.calls("POST", f"/api/turns/{row['turn_id']}/cancel")


async def link(world: World, person: Person) -> str:
    """The id of a link of theirs, as somebody at Telegram would make it with a code."""
    made = "INSERT INTO links (user_id, channel, external_id) VALUES ($1, 'telegram', $1) RETURNING link_id::text"
    return str((await world.rows(made, person.user))[0]["link_id"])


async def conversation(person: Person) -> str:
    """The name that a page of theirs gave a conversation, in which an answer is being written."""
    name = f"page-{person.user}"
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "wait 250 seconds"}]}
    headers = headers_of(person)
    body = {"id": name, "messages": [message]}
    async with person.http.post(f"{person.url}/api/chat", json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        await response.content.readline()
    return name


async def running_turn(person: Person) -> str:
    """The id of a turn that takes longer than the test."""
    session = await person.posts(SESSIONS, 201)
    path = f"{SESSIONS}/{session['session_id']}/messages"
    _, sent = await person.calls("POST", path, json={"text": "wait 250 seconds"}, headers={"Prefer": "wait=0"})
    return str(sent["turn_id"])


async def open_question(person: Person) -> str:
    """The id of a question that waits for an answer."""
    session = await person.posts(SESSIONS, 201)
    sent = await person.posts(f"{SESSIONS}/{session['session_id']}/messages", 200, text="ask me first")
    return str(sent["reply"]["parts"][-1]["data"]["approvalId"])


def without_ids(told: str, things: Mapping[str, str]) -> str:
    """What was answered, with the names of the things in place of their ids; short ones may stand there by chance."""
    for name, thing in things.items():
        told = told.replace(thing, name) if len(thing) > 8 else told
    return told


def never_there(things: Mapping[str, str]) -> dict[str, str]:
    """Ids of the same kinds that were never given to anything. A message's begins with its session's."""
    session = str(uuid4())
    fresh = {name: "987654" if value.isdecimal() else str(uuid4()) for name, value in things.items()}
    of_session = {
        name: value.replace(things["session_id"], session)
        for name, value in things.items()
        if value.startswith(things["session_id"])
    }
    return {**fresh, **of_session}


async def rows_of(world: World, user: str) -> dict[str, list[dict[str, Any]]]:
    """Everything the database holds of a user but the search index and the places of sessions in lists, which follow by themselves."""
    tables = await world.rows(
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_name, table_schema)"
        " WHERE table_schema = 'public' AND column_name = 'user_id' AND table_type = 'BASE TABLE'"
        " AND table_name NOT IN ('message_words', 'indexed_sessions', 'recent_activity')"
    )
    return {
        name: await world.rows(
            f"SELECT to_jsonb(t) - 'listed_at' AS row FROM {name} AS t WHERE user_id = $1 ORDER BY 1", user
        )
        for (name,) in (table.values() for table in tables)
    }
