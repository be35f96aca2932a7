"""Conversations over HTTP and sockets."""

from __future__ import annotations

from tests.world import Person, Socket

SESSIONS = "/api/chat/sessions"


async def talk(mia: Person, *texts: str) -> str:
    """A session that holds these exchanges."""
    session: str = (await mia.posts(SESSIONS, 201, metadata={"course": 7}))["session_id"]
    for text in texts:
        await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return session


async def asks(mia: Person, session: str, text: str) -> str:
    """The agent's reply."""
    reply: str = (await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text))["reply"]["content"]
    return reply


async def commands(socket: Socket, text: str) -> str:
    """The notice that answers a command."""
    key = f"c{len(socket.heard)}"
    await socket.says(type="send", id=key, text=text)
    answer: str = (await socket.hears("notice", id=key))["text"]
    return answer
