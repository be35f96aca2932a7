"""The database restarts, hangs, loses results, and runs out of connections."""

from __future__ import annotations

import asyncio
from statistics import median
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from gateway.app.building.seams import Seams
from storage.pools import Timeouts
from tests.detours import Call, Detours
from tests.faults.http_clients import Caller, all_is_answered, caller
from tests.faults.proxy import Link, Proxy
from tests.faults.server import Server
from tests.world import World, eventually

pytestmark = pytest.mark.faults


class Forger(Proxy):
    """A proxy that discards the server's response to a request containing `marker`, and cuts the connection.

    Data from the links in `forgotten` is dropped silently, as on a route that no longer exists.
    """

    marker = b""
    forgotten: frozenset[Link] = frozenset()

    def forgets_all(self) -> None:
        """Makes existing connections lead nowhere; new ones work."""
        self.forgotten = frozenset(self._links)

    def _asked(self, link: Link, data: bytes) -> bool:
        if link in self.forgotten:
            return False
        if self.marker and self.marker in data:
            self.marker = b""
            link.swallows = True
        return super()._asked(link, data)


async def forger(world: World) -> tuple[Forger, World]:
    """An open proxy to the world's database, and the world behind it."""
    parts = urlsplit(world.database_url)
    place = parse_qs(parts.query)
    proxy = Forger(f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}")
    await proxy.starts()
    proxy.opens()
    world.afterwards(proxy.ends)
    return proxy, World(f"postgresql://turngate@127.0.0.1:{proxy.number}{parts.path}", world.folder, world._stack)


async def test_a_restart_while_messages_arrive_loses_nothing(server: Server, place: World) -> None:
    """Row 12: the server crashes three times while four people chat; every message is answered once and in order."""
    gateway = await place.gateway()
    people = [await caller(await place.person(f"user{number}", gateway.url)) for number in range(4)]

    async def talks(who: Caller) -> list[str]:
        return [await who.sends_until_answered(f"count to {number}", f"m{number}") for number in range(2, 10)]

    talking = [asyncio.create_task(talks(who)) for who in people]
    for _ in range(3):
        before = sum(len(who.answers) for who in people)

        async def went_on(before: int = before) -> bool:
            return sum(len(who.answers) for who in people) > before or all(task.done() for task in talking)

        await eventually(went_on)
        await server.restart()
    replies = await asyncio.gather(*talking)
    assert [[reply.split()[-1] for reply in said] for said in replies] == [[f"{n}." for n in range(2, 10)]] * 4
    assert await all_is_answered(place)


async def test_without_the_database_nothing_is_acknowledged(server: Server, place: World) -> None:
    """Row 12: 503 with Retry-After, an error instead of an ack, readyz says why; everything works when the database is back."""
    gateway = await place.gateway()
    ann = await place.person("ann", gateway.url)
    calls, socket = await caller(ann), await ann.connects()
    await calls.sends_until_answered("hello", "m1")
    await server.stop()
    refused = await calls.sends("hello again", "m2")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    await socket.says(type="send", id="w1", text="and here")
    await socket.hears("error", id="w1", code="unavailable")
    assert not [frame for frame in socket.heard if frame["type"] == "ack"]
    status, body = await ann.calls("GET", "/readyz")
    assert status == 503
    assert not body["checks"][0]["ok"]
    await server.start()
    await calls.sends_until_answered("hello again", "m2")

    async def is_back() -> bool:
        return bool((await ann.calls("GET", "/readyz"))[0] == 200)

    await eventually(is_back)
    await socket.asks("and here", "w1")
    await eventually(lambda: all_is_answered(place))


async def test_no_socket_is_greeted_while_messages_are_refused(server: Server, place: World) -> None:
    """Row 12: a client that was told `ready` would send what it has kept, and have it refused: it is closed with 1012."""
    gateway = await place.gateway()
    ann = await place.person("ann", gateway.url)
    await ann.connects()  # and the token is remembered
    await server.stop()

    async def lost_its_lease() -> bool:
        checks = (await ann.calls("GET", "/readyz"))[1]["checks"]
        return any(check["name"] == "lease" and not check["ok"] for check in checks)

    await eventually(lost_its_lease)
    socket = await ann.opens()
    await socket.says(type="hello", token=ann.token)
    assert await socket.closes() == 1012
    assert [frame["type"] for frame in socket.heard] == ["error"]
    await server.start()


async def test_a_database_that_hangs_does_not_block_requests(server: Server, place: World) -> None:
    """While the server is frozen, requests get 503 with Retry-After and readyz says why; afterwards, the gateway recovers."""
    gateway = await place.gateway(Seams(database=Timeouts(acquire_s=1.0, command_s=2.0)))
    ann = await place.person("ann", gateway.url)
    calls = await caller(ann)
    await calls.sends_until_answered("hello", "m1")
    server.freeze()
    # Statement, release, a second try on a new connection: 2 + 2 + 1 s and the pauses.
    refused, (status, body) = await asyncio.gather(calls.sends("more", "m2"), ann.calls("GET", "/readyz"))
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    assert (status, body["checks"][0]["ok"]) == (503, False)
    assert "database" in body["checks"][0]["detail"]
    server.thaw()
    await calls.sends_until_answered("more", "m2")
    await eventually(lambda: all_is_answered(place))


@pytest.mark.parametrize("marker", ["count to 12", "10, 11, 12."], ids=["T1", "T2"])
async def test_a_commit_whose_response_is_lost_happens_once(world: World, marker: str) -> None:
    """Row 13: the server commits, and the connection breaks before its response; the retry finds the committed row."""
    proxy, behind = await forger(world)
    gateway = await behind.gateway()
    calls = await caller(await world.person("ann", gateway.url))
    await calls.sends_until_answered("hello", "m0")
    proxy.marker = marker.encode()
    assert (await calls.sends_until_answered("count to 12", "m1")).endswith("10, 11, 12.")
    assert proxy.counts.swallowed == 1
    await eventually(lambda: all_is_answered(world))
    [turn] = await world.rows("SELECT attempt FROM turns AS t ORDER BY created_at DESC LIMIT 1")
    assert turn["attempt"] == 1


async def test_a_replica_without_the_database_stands_aside(world: World) -> None:
    """Row 14: it acknowledges nothing, another takes over its turn, its late result is discarded, and it recovers."""
    proxy, behind = await forger(world)
    cut_off = await behind.gateway(data_dir="one")
    calls = await caller(await world.person("ann", cut_off.url))
    await calls.sends_until_answered("hello", "m0")
    asking = asyncio.create_task(calls.sends("wait 2 seconds", "m1", wait_s=4))

    async def runs() -> bool:
        return bool(cut_off.gateway.engine.runner.running)

    await eventually(runs)
    healthy = await world.gateway(data_dir="two")
    proxy.freezes()

    async def fenced() -> bool:
        return not cut_off.gateway.engine.health.accepting()

    async def taken_over() -> bool:
        rows = await world.rows("SELECT attempt, status FROM turns WHERE attempt = 2 AND status = 'completed'")
        return len(rows) == 1

    await eventually(fenced)
    await eventually(taken_over)
    assert cut_off.gateway.engine.runner.running, "the late result is still on its way"
    proxy.thaws()
    await asking

    async def gave_up() -> bool:
        return not cut_off.gateway.engine.runner.running and cut_off.gateway.engine.health.accepting()

    await eventually(gave_up)
    await calls.sends_until_answered("hello again", "m2")
    assert await all_is_answered(world)
    assert not healthy.ended.is_set()


async def test_with_every_connection_taken_callers_wait_for_a_bounded_time(world: World) -> None:
    """Row 15: every connection waits for a lock, yet callers get an error in time; nothing is acknowledged, and all works later."""
    gateway = await world.gateway(Seams(database=Timeouts(acquire_s=0.5, command_s=1.0)))
    ann, bob = [await caller(await world.person(name, gateway.url)) for name in ("ann", "bob")]
    socket = await ann.person.connects(session_id=ann.session_id)
    await bob.sends_until_answered("hello", "b0")
    locker = await asyncpg.connect(world.database_url)
    async with locker.transaction():
        await locker.execute("SELECT FROM chat_sessions WHERE session_id = $1 FOR UPDATE", ann.session_id)
        sends = [asyncio.create_task(ann.sends(f"m{number}", f"a{number}")) for number in range(40)]
        await socket.says(type="send", id="w1", text="hello")
        other = await bob.sends("hello", "b1")
        for answer in [*await asyncio.gather(*sends), other]:
            assert answer.status == 503 or answer is other
        await socket.hears("error", id="w1", code="unavailable")
        assert gateway.gateway.engine.health.accepting(), "the heartbeat has connections of its own"
    await locker.close()
    await asyncio.gather(
        *(ann.sends_until_answered(f"m{number}", f"a{number}") for number in range(40)),
        bob.sends_until_answered("hello", "b1"),
    )
    await eventually(lambda: all_is_answered(world))


async def test_changes_by_other_replicas_are_found_by_polling(world: World) -> None:
    """Row 43: the next query for changes finds other replicas' replies, or the one after it if every connection was just cut."""
    proxy, behind = await forger(world)
    watched, queries = Detours(), 0

    async def counted(changes: Call, *asked: object) -> object:
        nonlocal queries
        queries += 1
        return await changes(*asked)

    watched.divert("feed", "changes", counted)
    here, there = await behind.gateway(watched.seams, data_dir="one"), await world.gateway(data_dir="two")
    ann = await world.person("ann", there.url)
    speaks = await caller(ann)
    ann.url = here.url
    follower = await ann.connects(session_id=speaks.session_id)
    ann.url = there.url
    taken = []
    for number in range(5):
        await speaks.sends_until_answered(f"hello {number}", f"m{number}")
        proxy.cuts_all()
        before = queries
        await follower.hears("message", within=20)
        await follower.hears("message")
        taken.append(queries - before)
    assert median(taken) <= 2
    assert [frame["message"]["seq"] for frame in follower.heard if frame["type"] == "message"] == list(range(1, 11))


async def test_dead_connections_cost_one_timeout(world: World) -> None:
    """Row 14: the database moved without closing connections; the first timeout spares the other connections theirs."""
    proxy, behind = await forger(world)
    gateway = await behind.gateway(Seams(database=Timeouts(command_s=5.0)))
    people = [await caller(await world.person(f"user{number}", gateway.url)) for number in range(8)]
    await asyncio.gather(*(who.sends_until_answered("wait 0.2 seconds", "m1") for who in people))
    proxy.forgets_all()
    for number, who in enumerate(people, start=2):
        await who.sends_until_answered(f"count to {number}", "m2")
    slow = [answer for who in people for answer in who.answers if answer.seconds >= 5]
    assert len(slow) <= 2
    await eventually(lambda: all_is_answered(world))
