"""Regenerated answers: where they are sent, what the agent knows, and how old the question may be."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram.driver import ADA, TOKEN
from tests.integration.telegram.linking import a_code, settings, told
from tests.world import Frame, Person, Socket, World, eventually

SESSIONS = "/api/chat/sessions"
OWN_SESSIONS = {"assistant": {"kind": "python", "target": "tests.integration.agents.branching:Branching"}}
LONG_TALK = """
    WITH told AS (
        INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq)
        SELECT chat_id, place, user_id, 'user', 'and so on', 'web', place FROM chat_sessions, generate_series(3, 12000) AS place
    )
    UPDATE chat_sessions SET last_seq = 12000, message_count = 12000 RETURNING chat_id
"""


async def again(person: Person, session: str, text: str) -> Any:
    """The answer to the first message with this new text."""
    change = {"text": text, "answer_again": True}
    status, body = await person.calls("PATCH", f"{SESSIONS}/{session}/messages/{session}.1", json=change)
    assert status == 200, body
    return body


async def says(person: Person, session: str, text: str) -> str:
    """The agent's reply."""
    reply: str = (await person.posts(f"{SESSIONS}/{session}/messages", 200, text=text))["reply"]["content"]
    return reply


async def test_a_new_answer_goes_only_where_the_conversation_is(world: World) -> None:
    """A linked account receives it; an unlinked one receives nothing of its former user's."""
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, webhook_backoff_s=0.05) as fake:
        ann = await world.person("ann", (await world.gateway(telegram=settings(fake))).url)
        await told(fake, ADA, f"/link {(await a_code(ann))['code']}")
        await told(fake, ADA, "hello from Telegram")
        [session] = (await ann.gets(SESSIONS))["sessions"]
        await again(ann, session["session_id"], "asked on the web")
        assert "asked on the web" in (await fake.hears(ADA, within=20))[0].text
        [link] = (await ann.gets("/api/links"))["links"]
        assert (await ann.calls("DELETE", f"/api/links/{link['id']}"))[0] == 204
        sent = await world.rows("SELECT item_id FROM outbox ORDER BY item_id")
        reply = (await again(ann, session["session_id"], "for ann alone"))["reply"]
        assert "for ann alone" in reply["content"]
        assert await world.rows("SELECT item_id FROM outbox ORDER BY item_id") == sent


async def test_regenerating_resets_the_agents_own_session(world: World) -> None:
    """P-2: it would still contain edited, deleted or replaced messages."""
    mia = await world.person("mia", (await world.gateway(agents=OWN_SESSIONS)).url)
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    assert await says(mia, session, "one") == "own-1: one"
    assert (await again(mia, session, "uno"))["reply"]["content"] == "own-2: uno"
    assert await says(mia, session, "two") == "own-2: two"
    path = f"{SESSIONS}/{session}/messages/{session}.1"
    assert (await mia.calls("PATCH", path, json={"text": "eins"}))[0] == 200
    assert await says(mia, session, "three") == "own-3: three"
    assert (await mia.calls("DELETE", path))[0] == 204
    assert await says(mia, session, "four") == "own-4: four"


def hidden(socket: Socket) -> list[Frame]:
    """The socket has received the tombstones of these messages."""
    return [frame for frame in socket.heard if frame["type"] == "message_changed" and frame["message"]["deleted"]]


async def test_an_old_message_can_be_regenerated_followed_and_stopped(world: World) -> None:
    """12,000 messages back: a socket stays open, hears of the hundreds that count, and `/stop` works anywhere."""
    here, there = await world.gateway(data_dir="a"), await world.gateway(data_dir="b")
    mia, elsewhere = await world.person("mia", here.url), await world.person("mia", there.url)
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    await says(mia, session, "one")
    await world.rows(LONG_TALK)
    socket = await elsewhere.connects(session_id=session, after_id=f"{session}.12000")
    asked = asyncio.create_task(again(mia, session, "wait 30 seconds"))
    while (running := await socket.hears("turn"))["status"] != "running":
        pass  # events of the turn before
    late = await elsewhere.connects(session_id=session, after_id=f"{session}.12000")
    while (await late.hears("turn"))["turn_id"] != running["turn_id"]:
        pass
    await socket.says(type="cancel", turn_id=running["turn_id"])
    assert (await asked)["status"] == "cancelled"

    async def ended() -> bool:
        return bool((await socket.hears("turn"))["status"] == "cancelled")

    await eventually(ended)
    while not hidden(socket):
        await socket.hears("message_changed")
    assert len(hidden(socket)) <= 400


async def test_regenerating_a_scheduled_run_ends_its_session_again(world: World) -> None:
    """AC-7: each run has a session of its own, which ends with the run."""
    mia = await world.person("mia", (await world.gateway()).url)
    trigger = {"type": "interval", "seconds": 3600}
    made = await mia.posts("/api/schedules", 201, name="daily", agent_name="assistant", prompt="Hi", trigger=trigger)
    await mia.posts(f"/api/schedules/{made['id']}/run", 202)

    async def over() -> Any:
        sessions = (await mia.gets(SESSIONS))["sessions"]
        return sessions[0] if sessions and not sessions[0]["is_active"] else None

    session = await eventually(over)
    assert (await mia.posts(f"{SESSIONS}/{session['session_id']}/regenerate", 200))["status"] == "completed"
    assert (await mia.gets(f"{SESSIONS}/{session['session_id']}"))["is_active"] is False
