"""Open sockets of API tokens that end, and reused user names: on every replica, within seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.app.running.serve import Running
from tests.world import Person, Socket, World

SESSIONS = "/api/chat/sessions"
SOON_S = 5.0
ENDS = (
    "UPDATE api_tokens SET revoked_at = now()",
    "UPDATE api_tokens SET expires_at = now()",
    "DELETE FROM api_tokens",
)


@pytest.fixture
async def gateway(world: World) -> Running:
    return await world.gateway()


@pytest.fixture
async def other(world: World) -> Running:
    return await world.gateway(data_dir="other")


@pytest.fixture
async def ann(world: World, gateway: Running) -> Person:
    return await world.person("ann", gateway.url)


async def listens(person: Person, path: str) -> Socket:
    """A socket in that session that also follows the list."""
    socket = await person.connects(session_id=path.rpartition("/")[2])
    await socket.says(type="watch")
    await socket.says(type="ping")
    await socket.hears("pong")
    return socket


async def says(person: Person, text: str) -> str:
    """Sends a message in a new session; returns the session's path."""
    path = f"{SESSIONS}/{(await person.posts(SESSIONS, 201))['session_id']}"
    await person.posts(f"{path}/messages", 200, text=text)
    return path


async def has_closed(socket: Socket) -> None:
    """The socket closes with the reason, and without other users' messages."""
    assert await socket.closes(within=SOON_S) == 4401
    assert socket.heard[-1]["code"] == "unauthenticated"
    assert "private" not in str(socket.heard)


async def test_revoking_a_token_closes_its_sockets(world: World, gateway: Running, other: Running, ann: Person) -> None:
    """P-3: even those that only listen, on this replica and on others; the user's other sockets stay open."""
    path = await says(ann, "hello")
    again = await world.person("ann", gateway.url)
    sockets = [await listens(replace(again, url=replica.url), path) for replica in (gateway, other)]
    stays = await listens(ann, path)
    tokens = (await ann.gets("/api/tokens"))["tokens"]
    revoked = max(tokens, key=lambda token: str(token["created_at"]))
    assert (await ann.calls("DELETE", f"/api/tokens/{revoked['id']}"))[0] == 204
    for socket in sockets:
        await has_closed(socket)
    await ann.posts(f"{path}/messages", 200, text="private")
    await stays.hears("message")


async def test_sockets_close_at_once_where_their_token_is_revoked(ann: Person, world: World, gateway: Running) -> None:
    """P-3: they receive nothing afterwards."""
    path = await says(ann, "hello")
    socket = await listens(await world.person("ann", gateway.url), path)
    tokens = (await ann.gets("/api/tokens"))["tokens"]
    revoked = max(tokens, key=lambda token: str(token["created_at"]))
    assert (await ann.calls("DELETE", f"/api/tokens/{revoked['id']}"))[0] == 204
    await ann.posts(f"{path}/messages", 200, text="private")
    await has_closed(socket)


@pytest.mark.parametrize("end", ENDS)
async def test_any_end_of_a_token_closes_its_sockets(world: World, ann: Person, end: str) -> None:
    """P-3: however it ended."""
    socket = await listens(ann, await says(ann, "hello"))
    await world.rows(f"{end} RETURNING 1")
    await has_closed(socket)


async def test_a_socket_that_repeats_hello_belongs_to_its_new_token(
    world: World, ann: Person, gateway: Running
) -> None:
    """P-3: the end of the old token does not close it."""
    path = await says(ann, "hello")
    ends = await listens(ann, path)
    new = await world.person("ann", gateway.url)
    stays = await listens(ann, path)
    await stays.says(type="hello", token=new.token, session_id=path.rpartition("/")[2])
    await stays.hears("ready")
    await world.rows(
        "UPDATE api_tokens SET revoked_at = now() WHERE created_at < (SELECT max(created_at) FROM api_tokens)"
    )
    await has_closed(ends)
    await new.posts(f"{path}/messages", 200, text="private")
    await stays.hears("message")


async def test_sockets_of_an_erased_user_close(world: World, gateway: Running, other: Running, ann: Person) -> None:
    """P-4: none receives messages of a new user with the same name."""
    path = await says(ann, "hello")
    owner = await world.person("owner", gateway.url, "operator")
    sockets = [await listens(replace(ann, url=replica.url), path) for replica in (gateway, other)]
    assert (await ann.calls("DELETE", "/api/me?confirm=ann"))[0] == 204
    token = (await owner.posts("/api/tokens", 201, user_id="ann"))["token"]
    for replica in (gateway, other):
        await says(replace(ann, token=token, url=replica.url), "private")
    for socket in sockets:
        await has_closed(socket)


async def test_old_tokens_do_not_work_for_a_reused_name(
    world: World, gateway: Running, other: Running, ann: Person
) -> None:
    """P-4: a token cached by another replica neither reads nor writes there."""
    owner = await world.person("owner", gateway.url, "operator")
    there = replace(ann, url=other.url)
    await there.gets("/api/me")
    assert (await ann.calls("DELETE", "/api/me?confirm=ann"))[0] == 204
    await there.calls("GET", "/api/me")
    token = (await owner.posts("/api/tokens", 201, user_id="ann"))["token"]
    path = await says(replace(ann, token=token), "private")
    assert (await there.calls("GET", path))[0] == 401
    await there.posts(f"{path}/messages", 401, text="hello")
    assert len(await world.rows("SELECT FROM chat_messages")) == 2
