"""T1, T2 and the claims between them: one round trip and one commit each, which plain ones share (`storage/turns/plain.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import asyncpg
from asyncpg import Record

from gateway.core.inbound import InboundMessage
from gateway.core.model import STATE_SECTIONS, JsonObject, ReplicaId, Turn, TurnId, TurnStatus, UserId
from gateway.core.outbound import Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.turns import Acceptance, AcceptStatus, Finished, Question
from gateway.core.state.changes import LIST_HAS_NO_KEYS
from gateway.errors import LeaseLost, NotFound
from storage.connections import PooledConnection
from storage.database import Database, fetch_one
from storage.pools import in_transaction
from storage.queries import load_queries
from storage.rows import present, to_message, to_session, to_turn
from storage.senders import changed, may_change
from storage.turns.plain import PlainTurns, stored_parts, stored_usage, to_send
from storage.turns.turn_ids import new_turn_id

SQL = load_queries("turns")
STATE = load_queries("state")
NO_SESSION = "There is no such session."


@dataclass(slots=True)
class PostgresTurns:
    """`TurnStore` on Postgres."""

    database: Database
    replica_id: ReplicaId
    resume_window: timedelta
    max_state: int = 1_048_576
    """Bytes of a session's state as JSON."""
    _plain: PlainTurns = field(init=False)

    def __post_init__(self) -> None:
        self._plain = PlainTurns(self.database, self.replica_id, self.resume_window)

    async def accept(self, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        accepted = await self._plain.accept(message, terms)
        if accepted is None:
            accepted = await self._accept(message, terms)
            self._plain.began(accepted, terms.history)
        return accepted

    async def _accept(self, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        try:
            async with self.database.connection() as connection:
                if not message.data and not message.metadata:
                    return await self.accept_on(connection, message, terms)
                async with in_transaction(connection):
                    return await self._with_data(connection, message, await self.accept_on(connection, message, terms))
        except asyncpg.ForeignKeyViolationError as error:
            # The session was deleted between its lookup and its lock.
            raise NotFound(NO_SESSION) from error

    async def accept_on(self, connection: PooledConnection, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        """T1 as part of a caller's transaction (a schedule's fire)."""
        values = (
            message.user_id,
            message.channel,
            message.agent,
            message.text,
            message.key,
            message.route,
            message.session_id,
            message.deliver_to,
            message.always_new,
            message.ends_session,
            message.begins_session,
            message.title,
            self.resume_window,
            terms.strategy,
            terms.collect,
            terms.timeout,
            terms.history,
            self.replica_id,
            terms.max_waiting,
            new_turn_id(),
        )
        if not may_change(message.user_id, message.account):
            return acceptance(await fetch_one(connection, SQL["accept"], *values))
        row = await connection.fetchrow(SQL["accept_from"], *values, message.account)
        if row is None:
            raise changed(message.account)
        return acceptance(row)

    async def _with_data(
        self, connection: PooledConnection, message: InboundMessage, accepted: Acceptance
    ) -> Acceptance:
        row = accepted.message
        if accepted.status != "accepted" or row is None:
            return accepted
        parts: tuple[JsonObject, ...] = (*message.data, *row.parts)
        kept = (list(parts) if message.data else None, message.metadata or None)
        await connection.execute(SQL["keep_data"], row.session_id, row.seq, *kept)
        row, turn = replace(row, parts=parts, metadata=message.metadata), accepted.turn
        if turn is not None:
            turn = replace(turn, messages=tuple(row if said.id == row.id else said for said in turn.messages))
        return replace(accepted, message=row, turn=turn)

    async def begin_attempt(self, turn: Turn, *, counts: bool = True) -> Turn:
        async with self.database.connection() as connection:
            row = await fetch_one(
                connection, SQL["begin_attempt"], turn.user_id, turn.turn_id, self.replica_id, turn.epoch, counts
            )
        if present(row, "turn_id") is None:
            raise LeaseLost(f"Turn {turn.turn_id} is no longer held by this replica.")
        return replace(turn, attempt=row["attempt"], epoch=row["epoch"], cancel_requested=row["cancel_requested"])

    async def finish(self, turn: Turn, reply: Reply, held: Sequence[int] = ()) -> Finished:
        finished = await self._plain.finish(turn, reply, held)
        return finished if finished is not None else await self._finish(turn, reply, held)

    async def _finish(self, turn: Turn, reply: Reply, held: Sequence[int]) -> Finished:
        async with self.database.connection() as connection:
            named: str | None = None
            refused: str | None = None
            if reply.agent_session in {None, turn.agent_session} and not reply.state_changes:
                row = await self._finish_on(connection, turn, reply, held)
            else:
                async with in_transaction(connection):
                    row = await self._finish_on(connection, turn, reply, held)
                    if row["status"] == "finished":
                        named = await self._name(connection, turn, reply)
                        refused = await self._change_state(connection, turn, reply, row)
        _require_lease(turn, row)
        return replace(_finished(row, reply, named), state_refused=refused)

    async def ask(self, turn: Turn, question: Question, held: Sequence[int] = ()) -> Finished | None:
        refused: str | None = None
        async with self.database.connection() as connection, in_transaction(connection):
            row = await self._ask_on(connection, turn, question, held)
            if row["status"] == "asked":
                await self._name(connection, turn, question.reply)
                refused = await self._change_state(connection, turn, question.reply, row)
        _require_lease(turn, row)
        if row["status"] == "cancelled":
            return None
        return replace(_finished(row, question.reply, None, running=True), state_refused=refused)

    async def _ask_on(
        self, connection: PooledConnection, turn: Turn, question: Question, held: Sequence[int]
    ) -> Record:
        reply, request = question.reply, question.request
        return await fetch_one(
            connection,
            SQL["ask"],
            turn.user_id,
            turn.chat_id,
            turn.turn_id,
            self.replica_id,
            turn.epoch,
            reply.content,
            list(reply.parts),
            stored_usage(reply),
            reply.title,
            [address for address, _ in reply.chunks],
            [chunk.text for _, chunk in reply.chunks],
            [chunk.markup for _, chunk in reply.chunks],
            held,
            _approval_columns(question),
            None if request.expires_in is None else timedelta(seconds=request.expires_in),
        )

    async def _name(self, connection: PooledConnection, turn: Turn, reply: Reply) -> str | None:
        """Returns the framework's id of the conversation, stored in the same commit; None if there is no new one."""
        if reply.agent_session in {None, turn.agent_session}:
            return None
        named = (turn.chat_id, turn.turn_id, reply.agent_session)
        name: str | None = await connection.fetchval(SQL["remember_agent_session"], *named)
        return name

    async def _change_state(self, connection: PooledConnection, turn: Turn, reply: Reply, row: Record) -> str | None:
        """Stores the agent's changes to the state beside a reply that stays, in the same commit; or returns why not."""
        if not reply.state_changes or row["message"]["deleted_at"] is not None:
            return None
        changes = dict(reply.state_changes)
        sections = [changes.get(section) for section in STATE_SECTIONS]
        changed = await fetch_one(connection, STATE["change"], turn.chat_id, *sections, self.max_state)
        if changed["status"] == "list":
            return LIST_HAS_NO_KEYS
        if changed["status"] != "too_large":
            return None
        return f"the state would be {changed['size']} bytes as JSON; sessions.max_state allows {self.max_state}"

    async def _finish_on(self, connection: PooledConnection, turn: Turn, reply: Reply, held: Sequence[int]) -> Record:
        return await fetch_one(
            connection,
            SQL["finish_delivered" if reply.chunks else "finish"],
            turn.user_id,
            turn.chat_id,
            turn.turn_id,
            self.replica_id,
            turn.epoch,
            reply.status,
            reply.content,
            stored_parts(reply),
            stored_usage(reply),
            reply.error,
            reply.title,
            [address for address, _ in reply.chunks],
            [chunk.text for _, chunk in reply.chunks],
            [chunk.markup for _, chunk in reply.chunks],
            held,
            reply.kind,
            reply.error_class,
        )

    async def steal(self, limit: int, running: Sequence[TurnId] = (), *, silence: timedelta | None) -> Sequence[Turn]:
        async with self.database.own_work() as connection:
            rows = await connection.fetch(SQL["steal"], self.replica_id, limit, running, silence)
        return [to_turn(row["next_turn"], row["messages"], row["history"], row["session"]) for row in rows]

    async def release(self, turns: Sequence[TurnId]) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["release"], turns, self.replica_id)

    async def request_cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["request_cancel"], turn_id)
        if row is None:
            raise NotFound("There is no such turn.")


def _require_lease(turn: Turn, row: Record) -> None:
    if row["status"] == "lost":
        raise LeaseLost(f"Turn {turn.turn_id} is no longer held by this replica; its result was dropped.")


def _approval_columns(question: Question) -> JsonObject:
    request = question.request
    return {
        "approval_id": str(question.approval_id),
        "approvers": question.approvers,
        "prompt": request.text,
        "choices": [*request.choices],
        "default_choice": request.choices[-1] if request.default is None else request.default,
        "call_id": request.call_id,
        "tool": request.tool,
        "input": request.input,
        "resume": request.resume,
    }


def acceptance(row: Record) -> Acceptance:
    """Converts the result of T1. Raises `NotFound`."""
    if row["status"] == "not_found":
        raise NotFound(NO_SESSION)
    message, turn = present(row["message"], "chat_id"), present(row["turn"], "turn_id")
    session = present(row["session"], "chat_id")
    return Acceptance(
        status=cast("AcceptStatus", row["status"]),
        session=None if session is None else to_session(session, running=True),
        message=None if message is None else to_message(message),
        turn_id=None if turn is None else turn["turn_id"],
        turn_status="queued" if turn is None else cast("TurnStatus", turn["status"]),
        attempt=0 if turn is None else turn["attempt"],
        turn=_claimed(row, turn, session) if row["is_claimed"] else None,
        session_is_new=row["is_new"],
        superseded=tuple(row["superseded"] or ()),
        question=None if (question := present(row["question"], "chat_id")) is None else to_message(question),
    )


def _claimed(row: Record, turn: Record | None, session: Record | None, newer: str | None = None) -> Turn | None:
    """The turn to run; `newer`: the framework's id of the conversation that the agent has just reported."""
    if turn is None or session is None:
        return None
    return to_turn(turn, row["messages"], row["history"], session, newer)


def _finished(row: Record, reply: Reply, named: str | None, *, running: bool = False) -> Finished:
    next_turn = present(row["next_turn"], "turn_id")
    return Finished(
        status=cast("TurnStatus", row["ended"]),
        message=to_message(row["message"]),
        session=to_session(row["session"], running=running or next_turn is not None),
        outbox=tuple(to_send(row["outbox_ids"], reply)),
        next_turn=_claimed(row, next_turn, row["session"], named),
        dropped=tuple(map(to_message, row["dropped"] or ())),
    )
