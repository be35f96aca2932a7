"""Sockets that break, stall, die silently, or reconnect by the thousand (rows 32 and 34 to 37)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running
from tests.faults.agent_settings import agent
from tests.faults.crowd import Crowd, seats
from tests.faults.memory import resident
from tests.world import Frame, Person, Process, Socket, World, eventually

pytestmark = pytest.mark.faults

ROUNDS = 25
CROWD = 2_000
CONNECTIONS = 25
"""Of one gateway to its database: 16 for users, 4 across users, 4 of its own, and one that listens."""
SECRET = "k" * 32


def at(person: Person, place: Running | Process) -> Person:
    """The same person at another gateway."""
    return Person(person.user, person.token, place.url, person.http)


def cuts(socket: Socket) -> None:
    """Breaks the connection without a close frame."""
    response: Any = socket.socket._response
    response.connection.transport.abort()


def rows_of(socket: Socket, role: str) -> list[int]:
    """The `seq` of the rows with that role that a socket has received."""
    messages = [frame["message"] for frame in socket.heard if frame["type"] == "message"]
    return [message["seq"] for message in messages if message["role"] == role]


async def heard_reply(socket: Socket, seq: int) -> None:
    """Waits until the reply with that `seq` has arrived, once."""
    while seq not in rows_of(socket, "assistant"):
        await socket.hears("message")
    assert rows_of(socket, "assistant").count(seq) == 1


# Row 32: a message that arrives while a turn ends ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_message_waits_for_the_sweep(world: World, seed: int) -> None:
    """Row 32: two senders share a session through two replicas, while answers end at any moment.

    The sweep runs once a minute: a message that T2 missed would wait that long.
    """
    slow = {"sweep_s": 60, "heartbeat_s": 5, "ttl_s": 30}
    gateways = [await world.gateway(data_dir=name, secret_key=SECRET, replica=slow) for name in ("one", "two")]
    ann = await world.person("ann", gateways[0].url)
    session_id = (await (await ann.connects()).asks("hello", "k"))["session_id"]

    async def talks(name: str, place: Running) -> None:
        chance = random.Random(f"{seed} {name}")
        socket = await at(ann, place).connects(session_id=session_id)
        for number in range(ROUNDS):
            await asyncio.sleep(chance.uniform(0, 0.02))
            async with asyncio.timeout(10):
                await socket.asks(f"{name} {number}", f"{name}-{number}")

    await asyncio.gather(*(talks(name, place) for name, place in zip("ab", gateways, strict=True)))
    assert await world.rows("SELECT 1 FROM turns WHERE status <> 'completed' OR attempt <> 1") == []
    assert len(await world.rows("SELECT 1 FROM turns")) == 2 * ROUNDS + 1


# Row 34: a socket that breaks before the ack ---------------------------------------------------------------------------


async def test_a_message_is_resent_to_another_replica(world: World) -> None:
    """Row 34: a client that is cut off before the ack resends to another replica, and there is one turn."""
    one, two = [await world.gateway(data_dir=name, secret_key=SECRET) for name in ("one", "two")]
    ann = await world.person("ann", one.url)
    for number in range(5):
        socket = await ann.connects()
        await socket.says(type="send", id=f"k{number}", text="hello")
        cuts(socket)
        again = await at(ann, two).connects(after=2 * number)
        await again.says(type="send", id=f"k{number}", text="hello")
        await again.hears("ack", id=f"k{number}", seq=2 * number + 1)
        await heard_reply(again, 2 * number + 2)
    assert len(await world.rows("SELECT 1 FROM turns WHERE status = 'completed' AND attempt = 1")) == 5


async def test_a_replica_that_dies_before_the_ack(world: World) -> None:
    """Row 34: the message was stored but not acknowledged; resent to another replica, it is the same turn, answered once."""
    doomed = await world.process("doomed", TURNGATE_FAILPOINTS='{"before_ack": "kill"}')
    ann = await world.person("ann", doomed.url)
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text="hello")
    await doomed.process.wait()
    other = await world.gateway()
    again = await at(ann, other).connects(after=0)
    reply = await again.asks("hello", "k1")
    assert reply["seq"] == 2
    assert await world.rows("SELECT status, attempt FROM turns") == [{"status": "completed", "attempt": 2}]
    assert len(await world.rows("SELECT 1 FROM chat_messages")) == 2


# Row 35: a socket that breaks in mid-stream ----------------------------------------------------------------------------


async def begun(person: Person) -> tuple[Socket, Frame]:
    """A socket that has received the beginning of an answer of three seconds, and the ack of its message."""
    socket = await person.connects()
    await socket.says(type="send", id="k1", text="hello")
    ack = await socket.hears("ack")
    await socket.hears("delta", attempt=1)
    return socket, ack


async def test_a_broken_stream_continues_on_another_replica(world: World) -> None:
    """Row 35: on another replica, the reply's row arrives once, and earlier rows are not repeated."""
    one, two = [
        await world.gateway(data_dir=name, secret_key=SECRET, agents=agent("lengthy")) for name in ("one", "two")
    ]
    ann = await world.person("ann", one.url)
    socket, ack = await begun(ann)
    cuts(socket)
    again = await at(ann, two).connects(session_id=ack["session_id"], after=1)
    reply = (await again.hears_reply(ack["turn_id"]))["message"]
    assert reply["content"].startswith("1.0 1.1 ")
    assert (await again.asks("more", "k2"))["seq"] == 4
    assert (rows_of(again, "user"), rows_of(again, "assistant")) == ([3], [2, 4])


async def test_the_stream_of_a_dead_gateway_restarts_elsewhere(world: World) -> None:
    """Row 35: deltas carry the new attempt, so that clients drop those of the old one; the row holds only the new one."""
    setting = agent("lengthy")["assistant"]
    doomed = await world.process(
        "doomed", **{f"TURNGATE_AGENTS__ASSISTANT__{key.upper()}": setting[key] for key in setting}
    )
    ann = await world.person("ann", doomed.url)
    _, ack = await begun(ann)
    other = await world.gateway(agents=agent("lengthy"))
    again = await at(ann, other).connects(session_id=ack["session_id"], after=1)
    await doomed.dies()
    reply = (await again.hears_reply(ack["turn_id"]))["message"]
    pieces = [frame for frame in again.heard if frame["type"] == "delta"]
    assert {frame["attempt"] for frame in pieces} == {2}
    assert "".join(frame["text"] for frame in pieces) == reply["content"]
    assert rows_of(again, "assistant") == [2]


# Row 36: sockets that their clients don't read --------------------------------------------------------------------------


async def test_a_client_that_never_reads(world: World) -> None:
    """Row 36: it is closed with 1013 before its backlog fills the gateway's memory, and misses nothing in the end."""
    setting = agent("megabyte")["assistant"]
    gateway = await world.process(**{f"TURNGATE_AGENTS__ASSISTANT__{key.upper()}": setting[key] for key in setting})
    ann = await world.person("ann", gateway.url)
    ack_of = await (await ann.connects()).asks("warm", "k0")
    before = resident(gateway.process.pid)
    deaf = await ann.connects(session_id=ack_of["session_id"])
    response: Any = deaf.socket._response
    response.connection.transport.pause_reading()
    other = await ann.connects(channel="terminal", session_id=ack_of["session_id"])
    for number in range(1, 12):
        await other.asks("more", f"k{number}")
    assert resident(gateway.process.pid) - before < 80_000_000
    response.connection.transport.resume_reading()
    assert await deaf.closes() == 1013
    again = await ann.connects(session_id=ack_of["session_id"], after=0)
    while len(rows_of(again, "assistant")) < 12:
        await again.hears("message")


async def test_a_socket_that_died_silently(world: World) -> None:
    """Row 36: a client that no longer answers pings is dropped, and its socket is released."""
    gateway = await world.gateway(Seams(sockets=lambda usual: replace(usual, heartbeat_s=0.4)))
    ann = await world.person("ann", gateway.url)
    await (await ann.connects()).asks("hello", "k1")  # no longer read, so pings are not answered
    sockets = gateway.gateway.sockets
    assert len(sockets) == 1

    async def forgotten() -> bool:
        return len(sockets) == 0 and not sockets._parts.live.topics()

    await eventually(forgotten)


# Row 37: all clients reconnect at once ---------------------------------------------------------------------------------


async def test_thousands_of_clients_move_to_another_replica(world: World) -> None:
    """Row 37: thousands are closed with 1012 and reconnect after random waits.

    None is refused for long, the database has no more connections than the pools, and messages are answered meanwhile.
    """
    one, two = await world.process("one"), await world.process("two")
    ann = await world.person("ann", two.url)
    socket = await ann.connects()
    place = one
    crowd = Crowd(lambda: place.url, await seats(world.database_url, CROWD), random.Random(37))
    coming = crowd.begins()
    try:
        await eventually(lambda: everybody(crowd), within=60)
        place = two
        leaving = asyncio.create_task(one.stops())
        looks = await answered_meanwhile(world, socket, crowd)
        await leaving
    finally:
        coming.cancel()
    await asyncio.wait({coming})
    assert crowd.codes[1012] >= CROWD * 0.9
    assert set(crowd.codes) <= {0, 1012, 1013}
    assert max(in_use(looks)) <= 2 * CONNECTIONS


async def everybody(crowd: Crowd) -> bool:
    """Whether all clients have received `ready`."""
    return len(crowd.ready) == CROWD


Look = dict[tuple[int, datetime], datetime]
"""The gateways' connections at one moment: which server process, since when, and when its last statement began."""


def in_use(looks: Sequence[Look]) -> list[int]:
    """How many connections there were at each check that were used later on.

    A connection that a gateway drops is replaced at once, but the server may take a while to close it. It is never used again.
    """
    last = {connection: began for look in looks for connection, began in look.items()}
    return [sum(last[connection] > began for connection, began in look.items()) for look in looks]


async def answered_meanwhile(world: World, socket: Socket, crowd: Crowd) -> list[Look]:
    """Sends messages until all clients are back; returns the database's connections at each check."""
    looks: list[Look] = []
    async with asyncio.timeout(60):
        for number in range(10_000):
            await socket.asks(f"message {number}", f"k{number}")
            rows = await world.rows(
                "SELECT pid, backend_start, query_start FROM pg_stat_activity"
                " WHERE application_name = 'turngate' AND datname = current_database() AND query_start IS NOT NULL"
            )
            looks.append({(row["pid"], row["backend_start"]): row["query_start"] for row in rows})
            if number > 10 and await everybody(crowd):
                break
            await asyncio.sleep(0.1)
    return looks
