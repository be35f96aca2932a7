"""Fifty users, each with words that no other user may ever receive, at two gateways that share a database."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.app.running.serve import Running
from tests.acceptance.user_data import OPEN, SESSIONS, headers_of, signed_in
from tests.world import Person, Socket, World

pytestmark = pytest.mark.acceptance

USERS = 50
REQUESTS = 2_500
"""Fifty by each user: about as many as there are pairs of one user and another."""
AT_ONCE = 16
SEED = 20_260
MOST_TRIES = 20
CANARY = re.compile(rb"canary[0-9]{4}[a-z]{12}")


@dataclass
class Singer:
    """A user with a canary at both gateways; `heard` holds other users' canaries that were received."""

    places: list[Person]
    canary: str
    sessions: list[str] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    own: int = 0

    async def calls(self, place: Person, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Sends a request, again while the gateway is busy, and searches each answer for canaries."""
        for _ in range(MOST_TRIES):
            sent = {**headers_of(place), **headers}
            async with place.http.request(method, f"{place.url}{path}", json=body, headers=sent) as response:
                told = await response.read()
                self.listens(f"{method} {path}", told + repr(response.headers).encode())
            if response.status not in {429, 503}:
                self.statuses.append(response.status)
                return json.loads(told) if told and response.content_type == "application/json" else None
            await asyncio.sleep(float(response.headers["Retry-After"]))
        raise AssertionError(f"{method} {path} was refused {MOST_TRIES} times")

    def listens(self, where: str, told: bytes) -> None:
        """Counts the user's own canary, and records those of others."""
        for found in CANARY.findall(told):
            if found == self.canary.encode():
                self.own += 1
            else:
                self.heard.append((where, found))


Act = Callable[[Singer, Person, random.Random, Singer], Awaitable[Any]]


async def lists(singer: Singer, place: Person, chance: random.Random, _other: Singer) -> None:
    page = await singer.calls(place, "GET", f"{SESSIONS}?limit={chance.randint(1, 3)}")
    if page["next_cursor"] and chance.random() < 0.5:
        await singer.calls(place, "GET", f"{SESSIONS}?cursor={page['next_cursor']}")


async def reads(singer: Singer, place: Person, chance: random.Random, _other: Singer) -> None:
    session = chance.choice(singer.sessions)
    await singer.calls(place, "GET", f"{SESSIONS}/{session}/messages?limit={chance.randint(1, 5)}")


async def looks(singer: Singer, place: Person, chance: random.Random, _other: Singer) -> None:
    await singer.calls(place, "GET", f"{SESSIONS}/{chance.choice(singer.sessions)}")


async def resumes(singer: Singer, place: Person, chance: random.Random, _other: Singer) -> None:
    await singer.calls(place, "GET", "/api/agents/assistant/active-session?limit=3")


async def searches(singer: Singer, place: Person, chance: random.Random, other: Singer) -> None:
    """Searches for the user's own words, everyone's, or another user's."""
    await singer.calls(place, "GET", f"{SESSIONS}?q={chance.choice([singer.canary, 'sings', other.canary])}")


async def filters(singer: Singer, place: Person, chance: random.Random, other: Singer) -> None:
    await singer.calls(place, "GET", f"{SESSIONS}?metadata.bird={chance.choice([singer, other]).canary}")


async def remembers(singer: Singer, place: Person, chance: random.Random, _other: Singer) -> None:
    await singer.calls(place, "GET", f"{SESSIONS}/{chance.choice(singer.sessions)}/state")


async def sends(singer: Singer, place: Person, chance: random.Random, _other: Singer) -> None:
    body = {"text": f"{singer.canary} sings. What was my last question?"}
    await singer.calls(place, "POST", f"{SESSIONS}/{chance.choice(singer.sessions)}/messages", body)


async def renames(singer: Singer, place: Person, chance: random.Random, _other: Singer) -> None:
    body = {"title": f"{singer.canary} {chance.random()}"}
    await singer.calls(place, "PATCH", f"{SESSIONS}/{chance.choice(singer.sessions)}", body)


async def pries(singer: Singer, place: Person, chance: random.Random, other: Singer) -> None:
    """Requests another user's session."""
    path = f"{SESSIONS}/{chance.choice(other.sessions)}"
    await singer.calls(place, "GET", path + chance.choice(["", "/messages", "/state", "/turns", "/snapshots"]))


ACTS: dict[Act, int] = {
    lists: 22, reads: 20, looks: 16, resumes: 8, searches: 8, filters: 6, remembers: 6, sends: 4, renames: 3, pries: 7,
}  # fmt: skip
"""How often each is done, in a hundred."""


@pytest.fixture
async def gateways(world: World) -> list[Running]:
    """Two gateways on one database."""
    return [await world.gateway(**OPEN, data_dir=name) for name in ("left", "right")]


async def settled(world: World, gateways: list[Running], number: int) -> Singer:
    """A user whose canary is in titles, metadata, messages, answers and state."""
    places = [await signed_in(world, gateway, f"user{number}") for gateway in gateways]
    letters = random.Random(number).choices("abcdefghijklmnopqrstuvwxyz", k=12)
    singer = Singer(places, f"canary{number:04}{''.join(letters)}")
    for place in places:
        body = {"title": f"{singer.canary} at home", "metadata": {"bird": singer.canary}}
        session = (await singer.calls(place, "POST", SESSIONS, body))["session_id"]
        await singer.calls(place, "POST", f"{SESSIONS}/{session}/messages", {"text": f"{singer.canary} sings"})
        singer.sessions.append(session)
    return singer


async def follows(singer: Singer, place: Person) -> Socket:
    """A socket in one of the user's sessions that also receives changes of all the others."""
    socket = await place.connects(session_id=singer.sessions[0], after=0)
    await socket.says(type="watch", session_id=singer.sessions[1], after=0)
    await socket.says(type="watch")
    return socket


async def listens_until_closed(singer: Singer, socket: Socket) -> None:
    async for message in socket.socket:
        singer.listens("socket", message.data.encode())


async def test_no_user_receives_another_users_canary(world: World, gateways: list[Running]) -> None:
    """P-5, AC-10: no answer, header or frame of 2,500 interleaved requests contains another user's canary."""
    singers = list(await asyncio.gather(*(settled(world, gateways, number) for number in range(USERS))))
    sockets = [await follows(singer, singer.places[number % 2]) for number, singer in enumerate(singers)]
    listening = [asyncio.create_task(listens_until_closed(*pair)) for pair in zip(singers, sockets, strict=True)]
    chance = random.Random(SEED)
    deeds = iter([(chance.choice(singers), chance.random()) for _ in range(REQUESTS - 4 * USERS)])

    async def sings() -> None:
        for singer, fate in deeds:
            own = random.Random(fate)
            (act,) = own.choices(list(ACTS), list(ACTS.values()))
            other = own.choice([each for each in singers if each is not singer])
            await act(singer, own.choice(singer.places), own, other)

    await asyncio.gather(*(sings() for _ in range(AT_ONCE)))
    for socket in sockets:
        await socket.socket.close()
    await asyncio.gather(*listening)
    statuses = [status for singer in singers for status in singer.statuses]
    assert [crossed for singer in singers for crossed in singer.heard] == []
    assert len(statuses) >= REQUESTS
    assert set(statuses) == {200, 201, 404}
    assert all(singer.own > 25 for singer in singers)
