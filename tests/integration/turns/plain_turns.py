"""Plain turns of several people, and who waits for a lock meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias
from uuid import uuid4

import asyncpg

from gateway.core.inbound import InboundMessage
from gateway.core.model import Message, SessionId, Turn, UserId
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


ACCEPT = f"SELECT * FROM accept_plain({', '.join(f'${n}' for n in range(1, 13))})"
FINISH = f"SELECT * FROM finish_plain({', '.join(f'${n}' for n in range(1, 16))})"


def accepting(key: str) -> tuple[object, ...]:
    """What everybody says, as the function takes it."""
    same = [None] * 6
    limits, turns = [TERMS.timeout] * 6, [uuid4() for _ in PEOPLE]
    keys, words = [key] * 6, ["hello"] * 6
    routes = [HELLO.route] * 6
    return (
        list(PEOPLE),
        routes,
        same,
        ["web"] * 6,
        words,
        keys,
        same,
        limits,
        [20] * 6,
        turns,
        None,
        timedelta(minutes=15),
    )


def finishing(replica: Replica, turns: list[Turn]) -> tuple[object, ...]:
    """What everybody hears, as the function takes it."""
    none = [None] * 6
    about = ([turn.user_id for turn in turns], [turn.chat_id for turn in turns], [turn.turn_id for turn in turns])
    said_so = (["completed"] * 6, ["hi"] * 6, none, none, none, none, ["message"] * 6, none, none)
    return (*about, [1] * 6, *said_so, replica.id, [])
