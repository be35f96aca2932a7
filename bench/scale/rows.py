"""Sessions and messages in Postgres' COPY format: the same ones for the same users, at every size."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.conversation import AGENT, ROUTE
from bench.scale.plan import LONG, PROBES, SESSIONS_EACH, Size

WORDS = 50_000
SAYINGS = 40_000
CHANNELS = ("web", "web", "web", "telegram", "telegram", "api", "scheduled", "terminal")
SYLLABLES = (
    *("ba", "den", "fi", "gor", "ha", "ji", "kel", "lo", "mu"),
    *("nar", "pe", "qui", "ros", "su", "tam", "vi", "wen", "zo"),
)
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Talk:
    """A session to be loaded."""

    chat_id: UUID
    user: str
    channel: str
    title: str
    messages: int
    last: datetime


def word(number: int) -> str:
    """The word with that rank: 0 is the most common."""
    text = SYLLABLES[number % 18] + SYLLABLES[number // 18 % 18]
    number //= 324
    while number:
        text, number = text + SYLLABLES[number % 18], number // 18
    return text


def sayings(seed: int = 7) -> list[str]:
    """Texts of 4 to 80 words, common ones often, rare ones seldom."""
    chance = random.Random(seed)
    return [
        " ".join(word(int(WORDS * chance.random() ** 4)) for _ in range(chance.randint(4, 80))) for _ in range(SAYINGS)
    ]


def talks(size: Size) -> Iterator[Talk]:
    """The probes' sessions, then everybody's: users have between few and thousands. The long session comes first."""
    chance = random.Random(1)
    average = size.messages / size.sessions
    yield _talk(chance, user_of(1), LONG, 0)
    for number in range(1, size.sessions):
        probe = number < PROBES * SESSIONS_EACH
        users = max(1, size.sessions // SESSIONS_EACH - PROBES)
        user = number % PROBES if probe else PROBES + int(users * chance.random() ** 2)
        # Spread around the average, so that the total is right.
        yield _talk(chance, user_of(user + 1), max(1, round(average * (0.2 + 1.6 * chance.random()))), number)


def _talk(chance: random.Random, user: str, messages: int, number: int) -> Talk:
    chat_id = UUID(int=chance.getrandbits(128), version=4)
    title = " ".join(word(int(WORDS * chance.random() ** 4)) for _ in range(3))
    return Talk(chat_id, user, CHANNELS[number % len(CHANNELS)], title, messages, NEWEST - timedelta(seconds=number))


def user_of(number: int) -> str:
    """The name of a user; the first `PROBES` ask."""
    return f"person-{number}"


SESSION_COLUMNS = (
    *("chat_id", "session_id", "user_id", "channel", "agent_name", "title", "metadata", "route", "last_seq"),
    *("message_count", "created_at", "updated_at", "last_message_at", "listed_at"),
)


def session_line(talk: Talk) -> str:
    """A row of `chat_sessions` with `SESSION_COLUMNS`."""
    began = talk.last - timedelta(seconds=30 * talk.messages)
    course = f'{{"course": {talk.messages % 20}}}'
    return (
        f"{talk.chat_id}\t{talk.chat_id}\t{talk.user}\t{talk.channel}\t{AGENT}\t{talk.title}\t{course}\t{ROUTE}\t"
        f"{talk.messages}\t{talk.messages}\t{began}\t{talk.last}\t{talk.last}\t{talk.last.replace(microsecond=0)}\n"
    )


MESSAGE_COLUMNS = ("chat_id", "seq", "turn_seq", "user_id", "role", "content", "channel", "created_at")


def message_lines(talk: Talk, said: list[str]) -> Iterator[str]:
    """Rows of `chat_messages` with `MESSAGE_COLUMNS`; every tenth contains a word that no other does."""
    start = talk.chat_id.int % SAYINGS
    for seq in range(1, talk.messages + 1):
        text = said[(start + seq * 7919) % SAYINGS]
        if seq % 10 == 3:
            text = f"{text} no{(talk.chat_id.int + seq) % 10**12}"
        at = talk.last - timedelta(seconds=30 * (talk.messages - seq))
        role = "user" if seq % 2 else "assistant"
        yield f"{talk.chat_id}\t{seq}\t{seq - 1 + seq % 2}\t{talk.user}\t{role}\t{text}\t{talk.channel}\t{at}\n"
