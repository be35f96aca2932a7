"""Conversations over HTTP and sockets."""

from __future__ import annotations

from tests.world import Person, Socket

SESSIONS = "/api/chat/sessions"


async def talk(mia: Person, *texts: str) -> str:
    """A session in which these were said and answered."""
    session: str = (await mia.posts(SESSIONS, 201, metadata={"course": 7}))["session_id"]
    for text in texts:
        await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return session


async def asks(mia: Person, session: str, text: str) -> str:
    """What the agent answers."""
    reply: str = (await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text))["reply"]["content"]
    return reply


async def commands(socket: Socket, text: str) -> str:
    """The notice that a command is answered with."""
    key = f"c{len(socket.heard)}"
    await socket.says(type="send", id=key, text=text)
    answer: str = (await socket.hears("notice", id=key))["text"]
    return answer
