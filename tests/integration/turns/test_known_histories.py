"""A replica's cached history equals the one in Postgres, whatever changes, and on whichever replica."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import uuid4

import asyncpg
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB, AgentName, MultitaskStrategy, Session, SessionId, Turn, UserId
from gateway.core.outbound import Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.sessions.editing import ForkPoint, Question
from gateway.core.ports.sessions.imported_transcripts import ImportedMessage, ImportedTranscript
from gateway.core.ports.turns import Acceptance
from gateway.errors import Conflict, NotFound
from storage.connections import set_codecs
from storage.database import Database
from storage.rows import to_message
from storage.sessions.editing import PostgresEdits
from storage.sessions.imported_transcripts import PostgresImportedTranscripts
from storage.sessions.snapshots import PostgresSnapshots
from tests.integration.sessions.activity import MISPLACED
from tests.integration.turns.stores import HELLO, Replica, answer, claimed

Owner: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
DEEDS = (
    "say",
    "say",
    "say",
    "apologise",
    "queue",
    "interrupt",
    "rollback",
    "edit",
    "delete",
    "again",
    "save",
    "rewind",
    "fork",
)
HISTORY = """
    SELECT turn_history(chat_id, seq, $2) AS told, history_turns FROM turns WHERE turn_id = $1
"""
Deed = tuple[str, int, int, int]
"""What is done, on which replica, to which message, and how many turns the agent is told."""


@pytest_asyncio.fixture
async def owner(database_url: str) -> AsyncIterator[Owner]:
    """The database's owner, who sees all rows."""
    connection: Owner = await asyncpg.connect(database_url)
    await set_codecs(connection)
    yield connection
    await connection.close()


@dataclass
class Walk:
    """One conversation on two replicas. Every turn that begins gets the history that Postgres holds at that moment."""

    database: Database
    owner: Owner
    replicas: tuple[Replica, Replica]
    user: UserId
    session: SessionId

    async def does(self, deed: Deed) -> None:
        name, place, nth, depth = deed
        replica, terms = self.replicas[place], TurnTerms(history=depth)
        match name:
            case "say" | "apologise":
                reply = answer("hi") if name == "say" else replace(answer("Sorry."), status="failed", kind="apology")
                await self.answers(replica, await self.says(replica, terms), reply)
            case "queue":
                await self.overtakes(replica, terms, "enqueue")
            case "interrupt" | "rollback":
                await self.overtakes(replica, terms, name)
            case "edit" | "delete" | "again":
                await self.changes(name, replica, terms, nth)
            case "save":
                await PostgresSnapshots(self.database).take(self.session, self.user, "manual")
            case "rewind":
                await self.rewinds()
            case _:
                point = ForkPoint(self.session, None, None, WEB, HELLO.route)
                forked = await PostgresEdits(self.database, replica.id).fork(point, self.user)
                self.session = forked.session.session_id
        assert await self.owner.fetch(MISPLACED) == []

    def message(self) -> InboundMessage:
        told = replace(HELLO, user_id=self.user, key=uuid4().hex, deliver_to=(), session_id=self.session)
        return replace(told, text=f"message {told.key}")

    async def says(self, replica: Replica, terms: TurnTerms) -> Turn:
        turn = claimed(await replica.turns.accept(self.message(), terms))
        await self.agrees(turn, terms.history)
        return turn

    async def agrees(self, turn: Turn, depth: int) -> None:
        row = await self.owner.fetchrow(HISTORY, turn.turn_id, depth)
        assert row is not None
        assert tuple(turn.history) == tuple(map(to_message, row["told"]))

    async def answers(self, replica: Replica, turn: Turn, reply: Reply) -> None:
        finished = await replica.turns.finish(turn, reply)
        if finished.next_turn is not None:
            await self.answers(replica, finished.next_turn, reply)

    async def overtakes(self, replica: Replica, terms: TurnTerms, strategy: MultitaskStrategy) -> None:
        """A second message reaches either replica while the first is being answered."""
        turn = await self.says(replica, terms)
        await self.replicas[turn.seq % 2].turns.accept(self.message(), replace(terms, strategy=strategy))
        await self.answers(replica, turn, answer("hi"))

    async def changes(self, name: str, replica: Replica, terms: TurnTerms, nth: int) -> None:
        edits = PostgresEdits(self.database, replica.id)
        rows = await self.owner.fetch(
            "SELECT chat_id || '.' || seq AS id FROM chat_messages WHERE chat_id = $1 AND deleted_at IS NULL",
            self.session,
        )
        if not rows:
            return
        message = rows[nth % len(rows)]["id"]
        try:
            if name == "again":
                again = await edits.answer_again(Question(self.session, message, "anew", self.user), self.user, terms)
                await self.answers(replica, claimed(again.acceptance), answer("again"))
            else:
                await edits.rewrite(
                    self.session, self.user, message, "other words" if name == "edit" else None, self.user
                )
        except Conflict:
            return  # a reply whose question is gone

    async def rewinds(self) -> None:
        try:
            await PostgresSnapshots(self.database).restore(self.session, self.user, None, self.user, rewind=True)
        except NotFound:
            return  # no snapshot yet


deeds = st.tuples(st.sampled_from(DEEDS), st.integers(0, 1), st.integers(0, 9), st.sampled_from((3, 3, 3, 1, 5)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.integers(0, 5), deeds=st.lists(deeds, min_size=5, max_size=25))
async def test_any_sequence_in_a_conversation_agrees_with_postgres(
    database: Database, owner: Owner, before: int, deeds: list[Deed]
) -> None:
    """Edits, deletions, regenerations, rewinds, rollbacks, queues and forks, on two replicas, after older messages."""
    user = UserId(uuid4().hex)
    said = tuple(ImportedMessage("assistant" if number % 2 else "user", f"before {number}") for number in range(before))
    session: Session = await PostgresImportedTranscripts(database).create(
        ImportedTranscript(user, WEB, AgentName("assistant"), said)
    )
    replicas = (Replica(database, "one"), Replica(database, "two"))
    walk = Walk(database, owner, replicas, user, session.session_id)
    for deed in deeds:
        await walk.does(deed)


async def exchanged(replica: Replica, key: str) -> Acceptance:
    """One message and its answer."""
    accepted = await replica.turns.accept(replace(HELLO, deliver_to=(), key=key, text=key), TurnTerms())
    await replica.turns.finish(claimed(accepted), answer("hi"))
    return accepted


async def test_a_cached_history_is_not_read_again(database: Database, owner: Owner) -> None:
    """A row changed without a trace keeps its cached text; any other change is seen at once."""
    replica = Replica(database, "one")
    for key in ("first", "second"):
        await exchanged(replica, key)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("UPDATE chat_messages SET content = 'untold' WHERE seq = 1")
    assert claimed(await exchanged(replica, "third")).history[0].content == "first"
    await owner.execute("SET session_replication_role = origin")
    await owner.execute("UPDATE chat_messages SET content = 'told' WHERE seq = 1")
    assert claimed(await exchanged(replica, "fourth")).history[0].content == "told"


async def test_a_history_is_read_once_after_an_exchange_elsewhere(database: Database) -> None:
    """A replica that missed an exchange notices it."""
    here, elsewhere = Replica(database, "one"), Replica(database, "two")
    await exchanged(here, "m0")
    await exchanged(elsewhere, "m1")
    history = claimed(await exchanged(here, "m2")).history
    assert [message.content for message in history] == ["m0", "hi", "m1", "hi"]
