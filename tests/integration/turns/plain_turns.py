"""Plain turns of several people, and who waits for a lock meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TypeAlias

import asyncpg

from gateway.core.inbound import InboundMessage
from gateway.core.model import Message, SessionId, UserId
from gateway.core.ports.turns import Acceptance, Finished
from storage.database import Database
from tests.integration.turns.stores import HELLO, TERMS, Replica, answer, claimed

PEOPLE = tuple(UserId(f"user-{number}") for number in range(6))

Connected: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def living(database: Database, slot: str) -> Replica:
    """A replica that is alive."""
    alive = Replica(database, slot)
    await alive.life.beat()
    return alive


def saying(user: UserId, key: str, text: str = "hello") -> InboundMessage:
    """A web message of that user."""
    return replace(HELLO, user_id=user, key=key, text=text, deliver_to=())


async def said(replica: Replica, key: str, people: tuple[UserId, ...] = PEOPLE) -> list[Acceptance]:
    """Everybody sends a message at the same moment."""
    return await asyncio.gather(*(replica.turns.accept(saying(user, key), TERMS) for user in people))


def shown(message: Message | None) -> tuple[str, int]:
    assert message is not None
    return message.content, message.seq


async def conversation(replica: Replica, accepted: Acceptance) -> SessionId:
    """The session of a message, once it is answered."""
    [finished] = await heard(replica, [accepted])
    return finished.session.session_id


async def at_rest(task: asyncio.Task[Acceptance], watcher: Connected) -> object:
    """Whether it has ended, or waits for a lock."""
    return task.done() or await watcher.fetch(WAITING)


SCANS = """
    SELECT relname, seq_scan FROM pg_stat_xact_user_tables
    WHERE relname IN ('chat_sessions', 'chat_messages', 'turns', 'recent_activity', 'routes') AND seq_scan > 0
"""


async def heard(replica: Replica, accepted: list[Acceptance]) -> list[Finished]:
    """Everybody is answered at the same moment."""
    return await asyncio.gather(*(replica.turns.finish(claimed(one), answer("hi")) for one in accepted))
