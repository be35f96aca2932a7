"""A session's state over HTTP: writing it, saving it and restoring it."""

from __future__ import annotations

from typing import Any

from tests.integration.sessions.conversations import SESSIONS
from tests.world import Person

NEVER = {"quiet_s": 3_600, "every_s": 3_600}
"""No snapshot by itself while a test runs."""


async def new_session(person: Person, **given: Any) -> str:
    """The path of a new session."""
    return f"{SESSIONS}/{(await person.posts(SESSIONS, 201, **given))['session_id']}"


async def writes(person: Person, path: str, version: str, expect: int = 200, **sections: Any) -> Any:
    """The response to a PUT of these sections over that version, with its ETag under `etag`."""
    headers = {"Authorization": f"Bearer {person.token}", "If-Match": version}
    async with person.http.put(f"{person.url}{path}/state", headers=headers, json=sections) as response:
        body = await response.json(content_type=None)
        assert response.status == expect, body
        return {**body, "etag": response.headers.get("ETag")}


async def saved(person: Person, path: str, **body: Any) -> Any:
    """A snapshot taken on demand."""
    return await person.posts(f"{path}/snapshots", 201, **body)


async def says(person: Person, path: str, text: str) -> str:
    """The agent's reply."""
    reply: str = (await person.posts(f"{path}/messages", 200, text=text))["reply"]["content"]
    return reply


async def restores(person: Person, path: str, number: int | str, *, rewind: bool = True) -> Any:
    """The response to a restore."""
    return await person.posts(f"{path}/snapshots/{number}/restore", 200, rewind=rewind)
