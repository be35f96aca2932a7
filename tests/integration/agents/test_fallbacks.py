"""An agent that has failed for good is replaced for the turn, and one that keeps failing is spared."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import UNHURRIED
from tests.integration.sessions.conversations import SESSIONS
from tests.world import Person, World, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
AGENTS = "tests.integration.agents.failing_agents"
ONCE = {"max_attempts": 1}


def agent(name: str, **keys: object) -> dict[str, object]:
    """The settings of one of the failing agents."""
    return {"kind": "python", "target": f"{AGENTS}:{name}", **keys}


async def mia_at(world: World, **agents: dict[str, object]) -> Person:
    """A user of a gateway whose agents get one attempt."""
    gateway = await world.gateway(agents=agents, turns=ONCE, replica=UNHURRIED)
    return await world.newcomer(gateway.url)


async def sends(mia: Person, text: str, session: str | None = None) -> Any:
    """The result of a message to the assistant."""
    if session is None:
        session = (await mia.posts(SESSIONS, 201, agent_name="assistant"))["session_id"]
    return await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text)


async def test_another_agent_answers_a_turn_that_failed(shared_world: World) -> None:
    """Nothing of the failed answer is kept but its usage, and the next turn goes to the first agent again."""
    mia = await mia_at(shared_world, assistant=agent("breaks_off", fallback="spare"), spare=agent("stands_in"))
    sent = await sends(mia, "hello")
    assert sent["status"] == "completed"
    assert sent["reply"]["content"] == "spare was asked 'hello' in None after 0 messages"
    session = sent["reply"]["session_id"]
    total = (await mia.gets("/api/usage"))["total"]
    assert (total["input_tokens"], total["output_tokens"]) == (6, 4)
    later = await sends(mia, "all of it", session)
    assert later["reply"]["content"] == "Half an answer and the rest, in None"


async def test_a_follower_sees_the_answer_of_the_fallback_as_a_new_attempt(shared_world: World) -> None:
    """Its number tells clients to withdraw what the first agent has said."""
    mia = await mia_at(shared_world, assistant=agent("breaks_off", fallback="spare"), spare=agent("stands_in"))
    socket = await mia.connects()
    assert (await socket.asks("hello", "k1"))["content"].startswith("spare was asked")
    told = {frame["attempt"]: frame["text"] for frame in socket.heard if frame["type"] == "delta"}
    assert told[1] == "Half an"
    assert told[2].startswith("spare was asked")


async def test_a_fallback_that_fails_too_ends_in_an_apology(shared_world: World) -> None:
    """The fallback's own fallback is not called: two agents may stand in for each other."""
    first, second = agent("breaks_off", fallback="spare"), agent("breaks_off", fallback="assistant")
    mia = await mia_at(shared_world, assistant=first, spare=second)
    sent = await sends(mia, "hello")
    assert (sent["status"], sent["reply"]["kind"]) == ("failed", "apology")


async def test_a_fallback_cannot_ask_for_approval(shared_world: World) -> None:
    """The answer would go to the agent that has failed."""
    mia = await mia_at(shared_world, assistant=agent("breaks_off", fallback="spare"), spare=agent("asks"))
    sent = await sends(mia, "hello")
    assert (sent["status"], sent["reply"]["kind"]) == ("failed", "apology")


async def test_an_agent_that_keeps_failing_is_spared_until_it_answers_again(shared_world: World) -> None:
    """While it is spared, its turns fail at once, with an apology that says so."""
    broken = agent("out_of_order", breaker_failures=2, breaker_pause_s=3)
    mia = await mia_at(shared_world, assistant=broken)
    for _ in range(2):
        assert "try again" in (await sends(mia, "fail"))["reply"]["content"]
    assert "not available" in (await sends(mia, "hello"))["reply"]["content"]

    async def answers() -> bool:
        return bool((await sends(mia, "hello"))["status"] == "completed")

    await eventually(answers)
    assert (await sends(mia, "hello"))["status"] == "completed"


async def test_the_fallback_answers_while_an_agent_is_spared(shared_world: World) -> None:
    """Nobody waits for an agent that is known to fail."""
    broken = agent("out_of_order", breaker_failures=1, breaker_pause_s=600, fallback="spare")
    mia = await mia_at(shared_world, assistant=broken, spare=agent("stands_in"))
    for text in ("fail", "hello"):
        assert (await sends(mia, text))["reply"]["content"].startswith(f"spare was asked '{text}'")
