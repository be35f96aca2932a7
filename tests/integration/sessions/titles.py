"""Sessions whose agent gives titles: sending messages, and waiting for the title."""

from __future__ import annotations

from typing import Any

from gateway.agents.python.settings import PythonAgentSettings
from gateway.app.running.serve import Running
from tests.integration.sessions.conversations import SESSIONS
from tests.world import Person, World, eventually

HERE = "tests.integration.sessions.titling"


async def gateway_with(world: World, target: str) -> Running:
    """A gateway whose agent is one of `titling`."""
    agent = PythonAgentSettings(kind="python", target=f"{HERE}:{target}")
    return await world.gateway(agents={"assistant": agent})


async def says(person: Person, text: str, session: str = "") -> str:
    """The id of the message's session."""
    session_id = session or (await person.posts(SESSIONS, 201))["session_id"]
    await person.posts(f"{SESSIONS}/{session_id}/messages", 200, text=text)
    return str(session_id)


async def title_of(person: Person, session: str) -> str | None:
    """The title in the API's response."""
    title: str | None = (await person.gets(f"{SESSIONS}/{session}"))["title"]
    return title


async def becomes(person: Person, session: str, title: str | None) -> None:
    """Waits for a title."""

    async def is_there() -> bool:
        return await title_of(person, session) == title

    await eventually(is_there)


async def change(person: Person, session: str, **body: Any) -> tuple[int, Any]:
    """Changes a session."""
    return await person.calls("PATCH", f"{SESSIONS}/{session}", json=body)


async def asked(agent: Any) -> None:
    """Waits until the agent is asked."""

    async def is_asked() -> bool:
        return bool(agent.asked)

    await eventually(is_asked)
