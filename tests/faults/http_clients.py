"""HTTP clients that resend a message until it is answered, and checks of their sessions afterwards."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.world import Person, World

PATIENCE_S = 40.0
PAUSE_S = 0.1


@dataclass
class Answer:
    """A response, and the `seconds` it took."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    seconds: float


@dataclass
class Caller:
    """A person in one session. `answers`: all responses so far."""

    person: Person
    session_id: str
    answers: list[Answer] = field(default_factory=list)

    async def sends(self, text: str, key: str, wait_s: float = 60) -> Answer:
        """Sends once. Raises `aiohttp.ClientError` if the connection breaks."""
        begun = time.monotonic()
        async with self.person.http.post(
            f"{self.person.url}/api/chat/sessions/{self.session_id}/messages",
            json={"id": key, "text": text},
            headers={"Authorization": f"Bearer {self.person.token}", "Prefer": f"wait={wait_s:.0f}"},
        ) as response:
            body = await response.json(content_type=None)
            answer = Answer(response.status, dict(response.headers), body, time.monotonic() - begun)
        self.answers.append(answer)
        return answer

    async def sends_until_answered(self, text: str, key: str) -> str:
        """Resends a message until it is answered, and returns the text of the reply."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = await self.sends(text, key)
            except aiohttp.ClientError:
                answer = None
            if answer is not None and answer.status == 200:
                return str(answer.body["reply"]["content"])
            assert answer is None or answer.status in {202, 503}, answer
            assert time.monotonic() < deadline, f"{key} is still not answered: {answer}"
            await asyncio.sleep(PAUSE_S)


async def caller(person: Person) -> Caller:
    """A caller in a new session."""
    session = await person.posts("/api/chat/sessions", 201)
    return Caller(person, session["session_id"])


async def all_is_answered(world: World) -> bool:
    """Whether each turn has ended with exactly one reply, and each session counts its rows without a gap."""
    sessions = await world.rows(
        "SELECT s.last_seq, s.message_count, array_agg(m.seq ORDER BY m.seq) AS seqs"
        " FROM chat_sessions AS s JOIN chat_messages AS m USING (chat_id) GROUP BY s.chat_id"
    )
    turns = await world.rows(
        "SELECT t.turn_id, t.status, count(*) FILTER (WHERE m.role = 'assistant') AS replies,"
        " count(*) FILTER (WHERE m.role = 'user') AS questions"
        " FROM turns AS t LEFT JOIN chat_messages AS m USING (turn_id) GROUP BY t.turn_id"
    )
    for session in sessions:
        assert session["seqs"] == list(range(1, session["last_seq"] + 1)), session
        assert session["message_count"] == session["last_seq"], session
    for turn in turns:
        assert (turn["questions"], turn["replies"]) == (1, 0 if turn["status"] in {"queued", "running"} else 1), turn
    return bool(turns) and all(turn["status"] == "completed" for turn in turns)
