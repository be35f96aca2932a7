"""The WebSocket channel, through real sockets, on a real gateway and a real Postgres."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
import pytest_asyncio

from channels.websocket.admission import HELLOS, Admission
from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running
from gateway.core.events import AttemptBegan, Progress, TextDelta
from gateway.core.model import SessionId, TurnId, UserId
from gateway.core.ports.live import session_topic
from gateway.identity.authenticator import REMEMBER_S
from tests.clock import Clock
from tests.conftest import UNHURRIED, own_gateway
from tests.detours import Call, Detours
from tests.world import Frame, Person, Socket, World, eventually

PAGE = "https://shop.example"


pytestmark = pytest.mark.asyncio(loop_scope="module")
SMALL: dict[str, Any] = {
    "limits": {"max_frame": 500_000, "visitor_messages_per_minute": 2},
    "web": {"allowed_origins": [PAGE], "anonymous": True},
}
"""Limits that are small enough to be reached."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """With small limits, for all tests that need only users of their own."""
    return await shared_world.gateway(**SMALL, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def ann(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


@pytest_asyncio.fixture(loop_scope="module")
async def bob(shared_world: World, gateway: Running) -> Person:
    """Another user."""
    return await shared_world.newcomer(gateway.url)


async def ann_where(world: World, **parts: Any) -> Person:
    """A user at a gateway whose sockets are built with these parts."""
    gateway = await world.gateway(Seams(sockets=lambda usual: replace(usual, **parts)))
    return await world.person("ann", gateway.url)


async def seqs(socket: Socket, count: int) -> list[int]:
    """The `seq` of the next rows."""
    return [(await socket.hears("message"))["message"]["seq"] for _ in range(count)]


async def visitor(world: World, gateway: Running) -> Person:
    """A visitor of an allowed page."""
    http = await world.http()
    async with http.post(f"{gateway.url}/api/visitors", headers={"Origin": PAGE}, json={}) as response:
        body: dict[str, str] = await response.json()
        assert response.status in {200, 201}, body
    return Person(body["user_id"], body["token"], gateway.url, http)


# Hello ----------------------------------------------------------------------------------------------------------------


@own_gateway
async def test_without_hello_the_socket_closes(world: World) -> None:
    """4401 after the deadline."""
    socket = await (await ann_where(world, hello_s=0.1)).opens()
    await socket.hears("error", code="unauthenticated")
    assert await socket.closes() == 4401


async def test_a_wrong_token_closes_the_socket(ann: Person) -> None:
    """4401, after an error that says so."""
    socket = await ann.opens()
    await socket.says(type="hello", token="nonsense")
    await socket.hears("error", code="unauthenticated")
    assert await socket.closes() == 4401


async def test_the_first_frame_is_hello(ann: Person) -> None:
    """Anything else ends the socket."""
    socket = await ann.opens()
    await socket.says(type="ping")
    await socket.hears("error", code="unauthenticated")
    assert await socket.closes() == 4401


async def test_a_new_user_has_no_session_yet(ann: Person) -> None:
    """`ready` without a session, for the default agent."""
    socket = await ann.connects()
    assert socket.heard == [
        {
            "type": "ready",
            "session_id": None,
            "user_id": ann.user,
            "agent": "assistant",
            "resumed": False,
            "last_seq": 0,
        }
    ]


async def test_an_unknown_agent_is_not_found(ann: Person) -> None:
    """The client may send another hello."""
    socket = await ann.opens()
    await socket.says(type="hello", token=ann.token, agent="nobody")
    await socket.hears("error", code="not_found")
    await socket.says(type="hello", token=ann.token)
    await socket.hears("ready", agent="assistant")


@own_gateway
async def test_time_spent_waiting_does_not_count_towards_the_hello_deadline(world: World) -> None:
    """When the first hello then fails, another may follow: the deadline covers the client's time only."""
    admission = Admission(patience_s=60)
    ann = await ann_where(world, admission=admission, hello_s=3.0)
    async with AsyncExitStack() as crowd:
        for _ in range(HELLOS):
            await crowd.enter_async_context(admission.entering())
        socket = await ann.opens()
        await socket.says(type="hello", token=ann.token, agent="nobody")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.2):
                await socket.hears("error")
    await socket.hears("error", code="not_found")
    await socket.says(type="hello", token=ann.token)
    await socket.hears("ready", agent="assistant")


async def test_a_foreign_session_looks_like_a_missing_one(ann: Person, bob: Person) -> None:
    """The same error for both, and another hello may follow."""
    hers = await ann.connects()
    session_id = (await hers.asks("hello", "k"))["session_id"]
    his = await bob.opens()
    errors = []
    for wanted in (session_id, "nowhere"):
        await his.says(type="hello", token=bob.token, session_id=wanted)
        errors.append(await his.hears("error", code="not_found"))
    assert errors[0] == errors[1]
    await his.says(type="hello", token=bob.token)
    await his.hears("ready", session_id=None)


@own_gateway
async def test_an_expired_token_ends_an_open_socket(world: World) -> None:
    """A socket does not outlive its credential."""
    ann = await world.person("ann", (await world.gateway(**SMALL)).url)
    socket = await ann.opens()
    await world.rows("UPDATE api_tokens SET expires_at = now() + interval '3 seconds' RETURNING token_id")
    await socket.says(type="hello", token=ann.token)
    await socket.hears("ready")
    assert await socket.closes() == 4401


@own_gateway
@pytest.mark.parametrize("frame", [{"type": "send", "id": "k2", "text": "me again"}, {"type": "watch"}])
async def test_a_revoked_token_ends_an_open_socket(world: World, frame: Frame) -> None:
    """4401 at the next message or watch, which has no effect."""
    clock = Clock()
    ann = await world.person("ann", (await world.gateway(Seams(clock=clock))).url)
    socket = await ann.connects()
    await socket.asks("hello", "k1")
    await world.rows("UPDATE api_tokens SET revoked_at = now() RETURNING token_id")
    clock.ahead_s += REMEMBER_S
    with suppress(ConnectionResetError):  # the gateway may have noticed, and closed, before
        await socket.says(**frame)
    await socket.hears("error", code="unauthenticated")
    assert await socket.closes() == 4401
    assert len(await world.rows("SELECT 1 FROM chat_messages")) == 2


@own_gateway
async def test_a_token_that_cannot_be_checked_keeps_the_socket_open(world: World) -> None:
    """While the database is unavailable: `unavailable` with the message's id; the socket works afterwards."""
    clock = Clock()
    ann = await world.person("ann", (await world.gateway(Seams(clock=clock))).url)
    socket = await ann.connects()
    clock.ahead_s += REMEMBER_S
    async with world.database_away():
        await socket.says(type="send", id="k1", text="hello")
        await socket.hears("error", code="unavailable", id="k1")
    await socket.asks("hello", "k1")


# Messages -------------------------------------------------------------------------------------------------------------


async def test_the_ack_comes_first_and_the_rows_in_order(ann: Person) -> None:
    """C-1: ack, then the user's row, the deltas, and the reply that they add up to."""
    socket = await ann.connects()
    reply = await socket.asks("What is a gate?", "k1")
    kinds = [frame["type"] for frame in socket.heard]
    assert kinds[:3] == ["ready", "ack", "message"]
    assert kinds.count("delta") > 1
    assert [f["message"]["seq"] for f in socket.heard if f["type"] == "message"] == [1, 2]
    assert "".join(f["text"] for f in socket.heard if f["type"] == "delta") == reply["content"]
    ack = socket.heard[1]
    assert ack["session_id"] == reply["session_id"]
    assert (ack["id"], ack["seq"], ack["turn_id"]) == ("k1", 1, reply["turn_id"])


async def test_the_session_is_tagged_web(shared_world: World, ann: Person) -> None:
    """A socket's session is of channel web, and the terminal's of channel terminal."""
    await (await ann.connects()).asks("hello", "k1")
    await (await ann.connects(channel="terminal")).asks("hello", "k2")
    query = "SELECT channel FROM chat_sessions WHERE user_id = $1 ORDER BY created_at"
    rows = await shared_world.rows(query, ann.user)
    assert [row["channel"] for row in rows] == ["web", "terminal"]


async def test_sending_twice_is_harmless(ann: Person) -> None:
    """The second ack names the same row, and nothing is answered twice."""
    socket = await ann.connects()
    await socket.asks("hello", "k1")
    first = next(frame for frame in socket.heard if frame["type"] == "ack")
    await socket.says(type="send", id="k1", text="something else")
    assert await socket.hears("ack") == first
    await socket.asks("and now?", "k2")
    assert [f["message"]["seq"] for f in socket.heard if f["type"] == "message"] == [1, 2, 3, 4]


async def test_a_resend_on_a_new_socket_gets_its_rows(ann: Person) -> None:
    """The ack was lost with the connection: the same id brings ack and reply."""
    first = await ann.connects()
    reply = await first.asks("hello", "k1")
    second = await ann.connects()
    await second.says(type="hello", token=ann.token, agent="assistant")
    await second.hears("ready")
    await second.says(type="send", id="k1", text="hello")
    assert (await second.hears("ack"))["turn_id"] == reply["turn_id"]


async def test_frames_of_one_socket_keep_their_order(ann: Person) -> None:
    """Twenty messages at once get twenty acks, ascending."""
    socket = await ann.connects()
    for number in range(20):
        await socket.says(type="send", id=f"k{number}", text=f"message {number}")
    acks = [await socket.hears("ack") for _ in range(20)]
    assert [ack["id"] for ack in acks] == [f"k{number}" for number in range(20)]
    assert [ack["seq"] for ack in acks] == sorted(ack["seq"] for ack in acks)


async def test_a_command_is_answered_by_a_notice(ann: Person) -> None:
    """No row, no ack; the notice names the message."""
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text="/help")
    assert "/new" in (await socket.hears("notice", id="k1"))["text"]


async def test_new_leaves_the_session(ann: Person) -> None:
    """After /new the socket has no session, and the next message starts one."""
    socket = await ann.connects()
    before = await socket.asks("hello", "k1")
    await socket.says(type="send", id="k2", text="/new")
    await socket.hears("notice", id="k2")
    await socket.hears("ready", session_id=None)
    after = await socket.asks("hello again", "k3")
    assert after["session_id"] != before["session_id"]
    assert after["seq"] == 2


async def test_a_message_to_another_session_of_the_user(ann: Person) -> None:
    """It is acknowledged and followed there."""
    other = await ann.connects(channel="terminal")
    session_id = (await other.asks("hello", "k1"))["session_id"]
    socket = await ann.connects()
    await socket.says(type="send", id="k2", text="more", session_id=session_id)
    ack = await socket.hears("ack", session_id=session_id, seq=3)
    assert (await socket.hears_reply(ack["turn_id"]))["message"]["seq"] == 4


async def test_a_message_to_a_foreign_session(ann: Person, bob: Person) -> None:
    """Not found, and nothing is stored."""
    session_id = (await (await ann.connects()).asks("hello", "k1"))["session_id"]
    socket = await bob.connects()
    await socket.says(type="send", id="k2", text="let me in", session_id=session_id)
    await socket.hears("error", code="not_found", id="k2")


async def test_a_turn_is_cancelled(ann: Person) -> None:
    """The turn ends as cancelled."""
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text="wait 30 seconds")
    turn_id = (await socket.hears("ack"))["turn_id"]
    await socket.hears("turn", status="running")
    await socket.says(type="cancel", turn_id=turn_id)
    await socket.hears("turn", turn_id=turn_id, status="cancelled")


async def test_unknown_turns_cannot_be_cancelled(ann: Person) -> None:
    """Whatever their ids look like."""
    socket = await ann.connects()
    for turn_id in (str(uuid4()), "nobody"):
        await socket.says(type="cancel", turn_id=turn_id)
        await socket.hears("error", code="not_found")


# Resuming and following -----------------------------------------------------------------------------------------------


async def test_resuming_replays_missed_rows(ann: Person) -> None:
    """R-2: `after` brings the later rows, once, in order; then the socket continues live."""
    first = await ann.connects()
    for number in range(3):
        await first.asks(f"message {number}", f"k{number}")
    second = await ann.connects(after=2)
    ready = second.heard[0]
    assert (ready["resumed"], ready["last_seq"]) == (True, 6)
    assert await seqs(second, 4) == [3, 4, 5, 6]
    await second.asks("one more", "k3")
    assert [f["message"]["seq"] for f in second.heard if f["type"] == "message"] == [3, 4, 5, 6, 7, 8]


async def test_without_after_nothing_is_replayed(ann: Person) -> None:
    """A client that loads the history itself gets new rows only."""
    await (await ann.connects()).asks("hello", "k1")
    socket = await ann.connects()
    await socket.asks("again", "k2")
    assert [f["message"]["seq"] for f in socket.heard if f["type"] == "message"] == [3, 4]


async def test_after_beyond_the_end_loses_no_rows(ann: Person) -> None:
    """A cursor from another database counts as the end of this one."""
    await (await ann.connects()).asks("hello", "k1")
    socket = await ann.connects(after=1_000_000)
    await socket.asks("again", "k2")
    assert [f["message"]["seq"] for f in socket.heard if f["type"] == "message"] == [3, 4]


async def test_a_long_history_is_replayed_completely(ann: Person) -> None:
    """Several pages, while new rows arrive."""
    first = await ann.connects()
    acks = []
    for number in range(80):
        await first.says(type="send", id=f"k{number}", text=f"message {number}")
        acks.append(await first.hears("ack"))
    second = await ann.connects(session_id=acks[0]["session_id"], after=0)
    assert await seqs(second, 160) == list(range(1, 161))


@own_gateway
async def test_rows_of_another_replica_arrive_without_gaps(world: World) -> None:
    """Each row once, ascending, whichever replica wrote it."""
    ann = await world.person("ann", (await world.gateway(**SMALL)).url)
    elsewhere = await world.gateway(data_dir="elsewhere", secret_key="k" * 32)
    writer = await ann.connects()
    session_id = (await writer.asks("hello", "k1"))["session_id"]
    away = Person(ann.user, ann.token, elsewhere.url, ann.http)
    follower = await away.connects(session_id=session_id, after=0)
    for number in range(2, 7):
        await (writer if number % 2 else follower).asks(f"message {number}", f"k{number}")
    seen = [frame["message"]["seq"] for frame in follower.heard if frame["type"] == "message"]
    await seqs(follower, 12 - len(seen))
    seen = [frame["message"]["seq"] for frame in follower.heard if frame["type"] == "message"]
    assert seen == list(range(1, 13))


async def test_a_watched_list_is_updated_live(ann: Person) -> None:
    """AC-9: sessions of any channel appear for those who watch."""
    watcher = await ann.connects()
    await watcher.says(type="watch")
    await watcher.says(type="ping")
    await watcher.hears("pong")
    reply = await (await ann.connects(channel="terminal")).asks("hello", "k1")
    session = (await watcher.hears("session"))["session"]
    assert (session["session_id"], session["channel"]) == (reply["session_id"], "terminal")


async def test_nobody_watches_another_users_list(ann: Person, bob: Person) -> None:
    """A watcher receives its own user's sessions only."""
    watcher = await bob.connects()
    await watcher.says(type="watch")
    await watcher.says(type="ping")
    await watcher.hears("pong")
    await (await ann.connects()).asks("hello", "k1")
    await watcher.asks("mine", "k1")
    owners = {frame["session"]["user_id"] for frame in watcher.heard if frame["type"] == "session"}
    assert owners == {bob.user}


async def test_a_session_is_watched_and_unwatched(ann: Person) -> None:
    """`watch` replays and follows; after `unwatch` it is silent."""
    writer = await ann.connects(channel="terminal")
    session_id = (await writer.asks("hello", "k1"))["session_id"]
    watcher = await ann.connects()
    await watcher.says(type="watch", session_id=session_id, after=0)
    assert await seqs(watcher, 2) == [1, 2]
    await watcher.says(type="unwatch")
    await watcher.says(type="ping")
    await watcher.hears("pong")
    before = len(watcher.heard)
    await writer.asks("unseen", "k2")
    mine = (await watcher.asks("mine", "k3"))["session_id"]
    assert {f["message"]["session_id"] for f in watcher.heard[before:] if f["type"] == "message"} == {mine}


async def test_watching_a_foreign_session(ann: Person, bob: Person) -> None:
    """Not found."""
    session_id = (await (await ann.connects()).asks("hello", "k1"))["session_id"]
    socket = await bob.connects()
    await socket.says(type="watch", session_id=session_id, after=0)
    await socket.hears("error", code="not_found")


async def test_joining_during_a_turn_announces_it(ann: Person) -> None:
    """A reloaded page can show that an answer is coming, and stop it."""
    first = await ann.connects()
    await first.says(type="send", id="k1", text="wait 30 seconds")
    turn_id = (await first.hears("ack"))["turn_id"]
    await first.hears("turn", status="running")
    second = await ann.connects()
    await second.hears("turn", turn_id=turn_id, status="running")
    await second.says(type="cancel", turn_id=turn_id)
    await first.hears("turn", turn_id=turn_id, status="cancelled")


@own_gateway
async def test_messages_to_many_sessions_are_all_accepted(world: World) -> None:
    """A session followed because of a message gives way to the next; watched ones stay."""
    ann = await ann_where(world, max_followed=3)
    watched, *others = [(await ann.posts("/api/chat/sessions", 201))["session_id"] for _ in range(6)]
    socket = await ann.connects()
    await socket.says(type="watch", session_id=watched, after=0)
    for number, session_id in enumerate(others):
        await socket.says(type="send", id=f"k{number}", text="hello", session_id=session_id)
        ack = await socket.hears("ack", id=f"k{number}", session_id=session_id)
        await socket.hears_reply(ack["turn_id"])
    await ann.posts(f"/api/chat/sessions/{watched}/messages", 200, text="hello")
    assert (await socket.hears("message"))["message"]["session_id"] == watched


@own_gateway
async def test_watching_too_many_sessions_is_a_conflict(world: World) -> None:
    """A client's watches never end automatically; `unwatch` makes room."""
    ann = await ann_where(world, max_followed=2)
    *watched, other = [(await ann.posts("/api/chat/sessions", 201))["session_id"] for _ in range(3)]
    socket = await ann.connects(session_id=watched[0])
    for session_id in watched:
        await socket.says(type="watch", session_id=session_id)
    await socket.says(type="send", id="k1", text="hello", session_id=other)
    await socket.hears("error", code="conflict", id="k1")
    await socket.says(type="unwatch")
    await socket.says(type="send", id="k1", text="hello", session_id=other)
    await socket.hears("ack", id="k1")


@own_gateway
async def test_a_row_that_arrives_during_a_read_is_not_missed(world: World, detours: Detours) -> None:
    """The query found nothing, and the row was announced before its result arrived."""
    gateway = await world.gateway(detours.seams, replica={"poll_s": 10})
    ann = await world.person("ann", gateway.url)
    session_id = (await (await ann.connects()).asks("hello", "k1"))["session_id"]

    async def late(after: Call, *asked: Any, recall: bool) -> Any:
        detours.end("messages", "after")
        rows = await after(*asked, recall=recall)
        body = {"text": "wait 30 seconds, late"}
        await ann.calls("POST", f"/api/chat/sessions/{session_id}/messages", json=body, headers={"Prefer": "wait=0"})
        return rows

    detours.divert("messages", "after", late)
    socket = await ann.connects(session_id=session_id, after=2)
    assert (await socket.hears("message", within=5))["message"]["seq"] == 3


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("nonsense", "invalid"),
        ("[]", "invalid"),
        ('{"type":"dance"}', "invalid"),
        ('{"type":"send","id":"k","text":"a\\u0000b"}', "invalid"),
        ('{"type":"send","id":"k","text":"\\ud800"}', "invalid"),
        ('{"type":"send","id":"k","text":"   "}', "invalid"),
        (json.dumps({"type": "send", "id": "k", "text": "x" * 100_001}), "too_large"),
    ],
    ids=["not JSON", "no object", "unknown type", "NUL", "half a pair", "blank", "text too long"],
)
async def test_a_bad_frame_leaves_the_socket_open(ann: Person, sent: str, code: str) -> None:
    """An error names the fault, and the next message is answered."""
    socket = await ann.connects()
    await socket.socket.send_str(sent)
    await socket.hears("error", code=code)
    await socket.asks("still there?", "k2")


async def test_a_binary_frame_leaves_the_socket_open(ann: Person) -> None:
    """Frames are text."""
    socket = await ann.connects()
    await socket.socket.send_bytes(b"{}")
    await socket.hears("error", code="invalid")
    await socket.says(type="ping")
    await socket.hears("pong")


async def test_invalid_utf8_ends_the_socket(ann: Person) -> None:
    """1007 (RFC 6455, 8.1), after an error that says so."""
    socket = await ann.connects()
    await socket.socket.send_frame(b'{"type":"ping\xff"}', aiohttp.WSMsgType.TEXT)
    await socket.hears("error", code="invalid")
    assert await socket.closes() == 1007


@pytest.mark.parametrize("characters", [600_000, 10_000_000])
async def test_an_oversize_frame_ends_the_socket(ann: Person, characters: int) -> None:
    """1009; other sockets go on."""
    other = await ann.connects()
    socket = await ann.connects()
    await socket.says(type="send", id="k", text="x" * characters)
    assert await socket.closes() == 1009
    await other.asks("still there?", "k2")


# Limits and origins ---------------------------------------------------------------------------------------------------


async def test_a_page_of_another_origin_may_not_connect(ann: Person) -> None:
    """4403."""
    socket = await ann.opens(headers={"Origin": "https://evil.example"})
    await socket.hears("error", code="forbidden")
    assert await socket.closes() == 4403


async def test_pages_of_allowed_origins_and_our_own_may_connect(ann: Person) -> None:
    """By the list, or by the Host header."""
    for origin in (PAGE, ann.url):
        socket = await ann.opens(headers={"Origin": origin})
        await socket.says(type="hello", token=ann.token)
        await socket.hears("ready")


@pytest.mark.parametrize("origin", [None, "own"])
async def test_a_visitor_connects_from_their_page_only(
    shared_world: World, gateway: Running, origin: str | None
) -> None:
    """A visitor's token is invalid without its Origin: 4403."""
    guest = await visitor(shared_world, gateway)
    socket = await guest.opens(headers=None if origin is None else {"Origin": gateway.url})
    await socket.says(type="hello", token=guest.token)
    assert await socket.closes() == 4403


async def test_a_visitor_over_the_message_limit_gets_an_error(shared_world: World, gateway: Running) -> None:
    """Two a minute here: the third gets `rate_limited`, and the socket stays open."""
    guest = await visitor(shared_world, gateway)
    socket = await guest.opens(headers={"Origin": PAGE})
    await socket.says(type="hello", token=guest.token)
    await socket.hears("ready")
    for number in range(3):
        await socket.says(type="send", id=f"k{number}", text="hello")
    await socket.hears("error", code="rate_limited", id="k2")
    await socket.says(type="ping")
    await socket.hears("pong")


async def test_a_flood_ends_the_socket(shared_world: World, gateway: Running) -> None:
    """1008 for a client that continues regardless."""
    guest = await visitor(shared_world, gateway)
    socket = await guest.opens(headers={"Origin": PAGE})
    await socket.says(type="hello", token=guest.token)
    await socket.hears("ready")
    for number in range(10):
        await socket.says(type="send", id=f"k{number}", text="hello")
    assert await socket.closes() == 1008


# Ends -----------------------------------------------------------------------------------------------------------------


async def test_a_slow_reader_is_disconnected(gateway: Running, ann: Person) -> None:
    """Row 36: 1013, with a bounded queue; resuming brings everything."""
    socket = await ann.connects()
    reply = await socket.asks("hello", "k1")
    response: Any = socket.socket._response
    response.connection.transport.pause_reading()
    bus = gateway.gateway.sockets._parts.live
    session_id, turn_id = SessionId(reply["session_id"]), TurnId(UUID(reply["turn_id"]))
    bus.publish(session_topic(session_id), AttemptBegan(session_id, UserId(ann.user), turn_id, 2))
    for _ in range(300):
        event = Progress(session_id, UserId(ann.user), turn_id, 2, TextDelta("x" * 100_000))
        bus.publish(session_topic(session_id), event)
        await asyncio.sleep(0)
    response.connection.transport.resume_reading()
    assert await socket.closes() == 1013
    again = await ann.connects(session_id=session_id, after=0)
    assert await seqs(again, 2) == [1, 2]


@own_gateway
async def test_draining_closes_all_sockets_at_once(world: World) -> None:
    """1012 to everybody, including latecomers."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    bob = await world.person("bob", gateway.url)
    sockets = [await person.connects() for person in (ann, ann, bob)]
    closing = asyncio.gather(*(socket.closes() for socket in sockets))
    async with asyncio.timeout(2):
        await gateway.gateway.sockets.drain()
    assert await closing == [1012, 1012, 1012]
    late = await ann.opens()
    assert await late.closes() == 1012


@own_gateway
async def test_closed_sockets_leave_nothing_behind(world: World) -> None:
    """Neither a socket nor a topic remains."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="watch")
    await socket.asks("hello", "k1")
    await socket.socket.close()
    sockets = gateway.gateway.sockets

    async def forgotten() -> bool:
        return len(sockets) == 0 and not sockets._parts.live.topics()

    await eventually(forgotten)


@own_gateway
async def test_a_client_that_disconnects_after_sending_is_answered(world: World) -> None:
    """Row 34: promise 1 holds when the client disconnects before its ack."""
    ann = await world.person("ann", (await world.gateway(**SMALL)).url)
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text="hello")
    response: Any = socket.socket._response
    response.connection.transport.abort()

    async def answered() -> list[Frame]:
        return await world.rows("SELECT * FROM sessions_list WHERE message_count = 2")

    again = await ann.connects(after=0)
    if again.heard[0]["session_id"] is None:
        await again.says(type="send", id="k1", text="hello")
    await eventually(answered)


@own_gateway
async def test_frames_queued_before_a_send_precede_its_ack(world: World) -> None:
    """`hello` and `send` together: `ready` first, then the `ack`."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.opens()
    await socket.says(type="hello", token=ann.token)
    await socket.says(type="send", id="m1", text="hello")
    await socket.hears("ack", id="m1")
    assert [frame["type"] for frame in socket.heard] == ["ready", "ack"]
