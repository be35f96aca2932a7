"""T1, T2 and the claims between them: one round trip and one commit each (`migrations/0007` to `0009`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from gateway.core.model import InboundMessage, OutboxItem, ReplicaId, Reply, Turn, TurnId, TurnStatus, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.turns import Acceptance, AcceptStatus, Finished
from gateway.errors import LeaseLost, NotFound
from storage.database import fetch_one
from storage.queries import load_queries
from storage.rows import present, to_message, to_session, to_turn

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Database, PooledConnection

SQL = load_queries("turns")
NO_SESSION = "There is no such session."


@dataclass(frozen=True, slots=True)
class PostgresTurns:
    """`TurnStore` on Postgres."""

    database: Database
    replica_id: ReplicaId
    resume_window: timedelta

    async def accept(self, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        async with self.database.connection() as connection:
            return await self.accept_on(connection, message, terms)

    async def accept_on(self, connection: PooledConnection, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        """T1 as part of a caller's transaction (a schedule's fire)."""
        row = await fetch_one(
            connection,
            SQL["accept"],
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
        )
        return _acceptance(row)

    async def begin_attempt(self, turn: Turn, *, counts: bool = True) -> Turn:
        async with self.database.connection() as connection:
            row = await fetch_one(
                connection, SQL["begin_attempt"], turn.user_id, turn.turn_id, self.replica_id, turn.epoch, counts
            )
        if present(row, "turn_id") is None:
            raise LeaseLost(f"Turn {turn.turn_id} is no longer this replica's.")
        return replace(turn, attempt=row["attempt"], epoch=row["epoch"], cancel_requested=row["cancel_requested"])

    async def finish(self, turn: Turn, reply: Reply, held: Sequence[int] = ()) -> Finished:
        async with self.database.connection() as connection:
            row = await fetch_one(
                connection,
                SQL["finish"],
                turn.user_id,
                turn.chat_id,
                turn.turn_id,
                self.replica_id,
                turn.epoch,
                reply.status,
                reply.content,
                None if len(reply.parts) == 1 and reply.parts[0].get("type") == "text" else list(reply.parts),
                _usage(reply),
                reply.error,
                reply.title,
                [address for address, _ in reply.chunks],
                [chunk.text for _, chunk in reply.chunks],
                [chunk.markup for _, chunk in reply.chunks],
                held,
            )
        if row["status"] == "lost":
            raise LeaseLost(f"Turn {turn.turn_id} is no longer this replica's; its result was dropped.")
        return _finished(row, reply)

    async def steal(self, limit: int, running: Sequence[TurnId] = (), *, silence: timedelta | None) -> Sequence[Turn]:
        async with self.database.own_work() as connection:
            rows = await connection.fetch(SQL["steal"], self.replica_id, limit, running, silence)
        return [to_turn(row["next_turn"], row["messages"], row["history"]) for row in rows]

    async def release(self, turns: Sequence[TurnId]) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["release"], turns, self.replica_id)

    async def request_cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["request_cancel"], turn_id)
        if row is None:
            raise NotFound("There is no such turn.")


def _usage(reply: Reply) -> dict[str, int | str] | None:
    usage = reply.usage
    if usage is None:
        return None
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "model": usage.model}


def _acceptance(row: Record) -> Acceptance:
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
        turn=to_turn(turn, row["messages"], row["history"]) if turn is not None and row["is_claimed"] else None,
        session_is_new=row["is_new"],
        superseded=tuple(row["superseded"] or ()),
    )


def _finished(row: Record, reply: Reply) -> Finished:
    next_turn = present(row["next_turn"], "turn_id")
    return Finished(
        status=cast("TurnStatus", row["ended"]),
        message=to_message(row["message"]),
        session=to_session(row["session"], running=next_turn is not None),
        outbox=() if row["outbox_ids"] is None else tuple(_to_send(row["outbox_ids"], reply)),
        next_turn=None if next_turn is None else to_turn(next_turn, row["messages"], row["history"]),
        dropped=tuple(map(to_message, row["dropped"] or ())),
    )


def _to_send(item_ids: Sequence[int | None], reply: Reply) -> Iterator[OutboxItem]:
    """The chunks that are this replica's to send now."""
    for item_id, (address, chunk) in zip(item_ids, reply.chunks, strict=True):
        if item_id is not None:
            yield OutboxItem(item_id, address, chunk)
