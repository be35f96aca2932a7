"""Whatever a Bot API server responds to sendMessage, a chunk is sent at most twice and blocks no other for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.fakes.bot_api import FakeBotApi, Fault
from tests.integration.telegram.driver import TOKEN, until
from tests.world import World, eventually

SETTLED = "SELECT address, state FROM outbox WHERE state <> 'unsent'"


def raw(body: str, status: int = 200, *, delivers: bool = True, times: int = 0, location: str | None = None) -> Fault:
    """A response sent exactly as given, every time."""
    return Fault("raw", status=status, body=body, delivers=delivers, times=times, location=location)


def refusal(code: int, description: str, **more: int) -> str:
    """An error of the Bot API, as the body of a 200."""
    given = "".join(f', "parameters": {{"{name}": {value}}}' for name, value in more.items())
    return f'{{"ok": false, "error_code": {code}, "description": "{description}"{given}}}'


UNREADABLE = '{"ok": true, "result": {"message_id": "7", "date": 99999999999999999, "chat": 5, "entities": "none"}}'
HTML = "<html><body>Please sign in</body></html>"
ODD: dict[str, tuple[Fault, int, str]] = {
    "ok, and a result that can't be parsed": (raw(UNREADABLE), 1, "sent"),
    "ok, and true": (raw('{"ok": true, "result": true}'), 1, "sent"),
    "ok, and no result": (raw('{"ok": true}'), 1, "sent"),
    "ok, and garbage after it": (raw("{answer}\n<!-- proxy -->"), 1, "sent"),
    "ok after a byte order mark": (raw("\ufeff{answer}"), 1, "sent"),
    "ok with status 500": (raw("{answer}", 500), 1, "sent"),
    "HTML with status 200": (raw(HTML), 2, "unknown"),
    "an empty body": (raw(""), 2, "unknown"),
    "JSON without ok": (raw("[]"), 2, "unknown"),
    "ok that is a word": (raw('{"ok": "true"}'), 2, "unknown"),
    "a body cut in the middle": (Fault("cut", times=0), 2, "unknown"),
    "no answer": (Fault("lost", times=0), 2, "unknown"),
    "a proxy's 502": (raw(HTML, 502), 2, "unknown"),
    "ok: false, 500 in a 200": (raw(refusal(500, "Internal Server Error")), 2, "unknown"),
    "ok: false, 400 in a 200": (raw(refusal(400, "Bad Request: not enough rights"), delivers=False), 1, "dead"),
    "ok: false, 403 in a 200": (raw(refusal(403, "Forbidden: bot was blocked"), delivers=False), 1, "dead"),
    "ok: false, 429 in a 200": (
        raw(refusal(429, "Too Many Requests", retry_after=1), delivers=False, times=1),
        2,
        "sent",
    ),
    "a 429 of a proxy": (raw(HTML, 429, delivers=False, times=1), 2, "sent"),
    "ok: false and no more": (raw('{"ok": false}', delivers=False), 1, "dead"),
    "a proxy's 403": (raw(HTML, 403, delivers=False), 1, "dead"),
    "a redirect": (raw("", 307, delivers=False, location="/elsewhere"), 2, "unknown"),
    "a redirect that passes": (raw("", 307, delivers=False, times=1, location="/elsewhere"), 2, "sent"),
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN]) as server:
        yield server


async def test_an_odd_response_repeats_a_chunk_at_most_once(world: World, fake: FakeBotApi) -> None:
    """Promise 4: `ok` is sent, an unclear response is unknown and sent once more, and the next reply arrives."""
    await world.gateway(telegram={"token": TOKEN, "api_url": fake.url, "access": "open"})
    chats = dict(zip(ODD, range(2001, 3000), strict=False))
    for name, chat in chats.items():
        fault = ODD[name][0]
        fake.fails(
            Fault(
                fault.kind,
                "sendMessage",
                chat,
                times=fault.times,
                status=fault.status,
                delivers=fault.delivers,
                body=fault.body,
                location=fault.location,
            )
        )
        fake.says(chat, "hello")

    async def settled() -> dict[str, str]:
        states = {str(row["address"]).split(":")[2]: str(row["state"]) for row in await world.rows(SETTLED)}
        return {name: states[str(chat)] for name, chat in chats.items()} if len(states) == len(chats) else {}

    states = await eventually(settled, within=60)
    seen = {name: (len(fake.sent(chat)), states[name]) for name, chat in chats.items()}
    assert seen == {name: (sends, state) for name, (_, sends, state) in ODD.items()}
    fake.recovers()
    for chat in chats.values():
        fake.says(chat, "and now?")
    await asyncio.gather(
        *(until(lambda chat=chat: "and now" in "".join(s.text for s in fake.sent(chat))) for chat in chats.values())  # type: ignore[misc] # the default binds
    )
