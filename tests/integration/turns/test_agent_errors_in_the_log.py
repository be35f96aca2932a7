"""What the log says when an agent raises an exception."""

from __future__ import annotations

import structlog

from tests.world import World
from turngate import Turn

SESSIONS = "/api/chat/sessions"


async def broken(_turn: Turn) -> str:
    """An agent that raises the same exception whenever it is called."""
    raise ZeroDivisionError("always")


async def test_the_traceback_of_repeated_exceptions_is_logged_once(world: World) -> None:
    """Each further attempt is one line that names the exception."""
    agents = {"assistant": {"kind": "python", "target": f"{__name__}:broken"}}
    gateway = await world.gateway(agents=agents, turns={"max_attempts": 3})
    mia = await world.person("mia", gateway.url)
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    with structlog.testing.capture_logs() as logged:
        await mia.posts(f"{SESSIONS}/{session}/messages", 200, text="hi")
    raised = [line for line in logged if line["event"] == "agent_raised"]
    assert [line["error"] for line in raised] == ["ZeroDivisionError: always"] * 3
    assert [line["exc_info"] is not None for line in raised] == [True, False, False]
