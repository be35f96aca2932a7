"""The calls that are measured, as a client makes them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import aiohttp

from bench.conversation import token_of
from bench.errors import BenchError
from bench.scale.plan import DEPTH, LONG, PROBES
from bench.scale.rows import user_of, word

SESSIONS = "/api/chat/sessions"


@dataclass(frozen=True, slots=True)
class Call:
    """`paths` are asked by turns, each as one of the users. `limit`: what the ratio should not pass; None: just told."""

    name: str
    users: tuple[str, ...]
    paths: tuple[str, ...]
    limit: float | None = None

    def at(self, number: int) -> tuple[str, str]:
        """The user and the path of one round."""
        return self.users[number % len(self.users)], self.paths[number % len(self.paths)]


def calls(long: UUID) -> tuple[Call, ...]:
    """`long`: the session of `LONG` messages, of the first of the users."""
    probes = tuple(user_of(number) for number in range(1, PROBES + 1))
    deep = tuple(
        f"{SESSIONS}/{long}/messages?limit=50&before_id={long}.{LONG - DEPTH - step * 50}" for step in range(100)
    )
    words = tuple(f"{SESSIONS}?q={word(number)}" for number in range(900, 30_000, 997))
    pairs = tuple(f"{SESSIONS}?q={word(number)}%20{word(number // 2)[:3]}" for number in range(20, 400, 13))
    typos = tuple(f"{SESSIONS}?q={word(number)}xy" for number in range(30_000, 49_000, 997))
    return (
        Call("first page of the user's sessions", probes, (f"{SESSIONS}?limit=50",), 1.5),
        Call("the same of one channel", probes, (f"{SESSIONS}?limit=50&channel=telegram",), 1.5),
        Call("the same of one course (metadata)", probes, (f"{SESSIONS}?limit=50&metadata.course=7",), 1.5),
        Call("first page of a session's messages", probes[:1], (f"{SESSIONS}/{long}/messages?limit=50",), 1.5),
        Call(f"a page {DEPTH:,} messages deep", probes[:1], deep, 1.5),
        Call("search for a word", probes[1:], words),
        Call("search for a word and the beginning of another", probes[1:], pairs),
        Call("search where no word fits", probes[1:], typos),
        Call("search by a user with 100,000 messages", probes[:1], words),
        Call("an operator's search for a word", ("operator",), words),
        Call("an operator's list, with its total", ("operator",), (f"{SESSIONS}?limit=50",)),
        Call("an operator's list of one course", ("operator",), (f"{SESSIONS}?limit=50&metadata.course=7",)),
        Call("an operator's list, by cursor", ("operator",), ()),
    )


async def timed(http: aiohttp.ClientSession, url: str, user: str, path: str) -> float:
    """Milliseconds from request to the whole body. Raises `BenchError` for anything but 200."""
    begun = time.perf_counter()
    async with http.get(f"{url}{path}", headers={"Authorization": f"Bearer {token_of(user)}"}) as response:
        body = await response.read()
    if response.status != 200:
        raise BenchError(f"GET {path} answered {response.status}: {body[:500]!r}")
    return (time.perf_counter() - begun) * 1000


async def with_cursors(http: aiohttp.ClientSession, url: str, asked: Sequence[Call]) -> list[Call]:
    """The calls, with this server's cursor where one is needed."""
    headers = {"Authorization": f"Bearer {token_of('operator')}"}
    async with http.get(f"{url}{SESSIONS}?limit=50", headers=headers) as response:
        cursor = (await response.json())["next_cursor"]
    path = f"{SESSIONS}?limit=50&cursor={cursor}"
    return [call if call.paths else Call(call.name, call.users, (path,), call.limit) for call in asked]
