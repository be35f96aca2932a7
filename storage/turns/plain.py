"""T1 and T2 of plain messages and replies: simultaneous ones share one statement and one commit (`accept_plain`, `finish_plain`).

Whether one is plain is decided here as far as the gateway knows, and in these functions as far as the rows show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias, cast

import orjson
from asyncpg import Record

from gateway.core.history import LazyMessages
from gateway.core.inbound import InboundMessage
from gateway.core.model import (
    Address,
    AgentName,
    ChannelName,
    ChatId,
    JsonObject,
    Message,
    ReplicaId,
    Session,
    SessionId,
    Turn,
    TurnId,
)
from gateway.core.outbound import OutboxItem, Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.turns import Acceptance, Finished
from storage.batches import Batches
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.rows import message_id, text_parts, to_message, usage_json
from storage.turns.histories import Histories, Known, to_row
from storage.turns.turn_ids import new_turn_id

SQL = load_queries("plain")
Columns: TypeAlias = tuple[object, ...]
"""The values of one item, in the order of the function's first parameters."""


def is_plain(message: InboundMessage) -> bool:
    """Whether T1 only has to append the message to an existing idle session."""
    beside = message.data or message.metadata
    return not (beside or message.always_new or message.begins_session or message.ends_session)


def is_plain_reply(turn: Turn, reply: Reply) -> bool:
    """Whether T2 only has to append the reply, fill the outbox and end the turn."""
    return not reply.state_changes and reply.agent_session in {None, turn.agent_session}


@dataclass(slots=True)
class PlainTurns:
    """T1 and T2 in batches. Both return None for items that must be done alone, by functions that recognise a repetition."""

    database: Database
    replica_id: ReplicaId
    resume_window: timedelta
    histories: Histories = field(default_factory=Histories)
    _accepts: Batches[Columns, Record] = field(init=False)
    _finishes: Batches[Columns, Record] = field(init=False)

    def __post_init__(self) -> None:
        self._accepts = Batches(self._accept_all)
        self._finishes = Batches(self._finish_all)

    async def accept(self, message: InboundMessage, terms: TurnTerms) -> Acceptance | None:
        if not is_plain(message):
            return None
        turn_id = new_turn_id()
        row = await self._accepts.ask(
            (message.user_id, message.session_id),
            (
                message.user_id,
                message.route,
                message.session_id,
                message.channel,
                message.text,
                message.key,
                _json(list(message.deliver_to) or None),
                terms.timeout,
                terms.history,
                turn_id,
                message.account,
            ),
        )
        if row is None:
            return None
        said = _said(row, message, turn_id)
        session = _session(row, said, is_active=True, ended_at=None, running=True)
        turn = _turn(row, turn_id, said, session, await self._before(row, said, terms.history))
        return Acceptance("accepted", session, said, turn_id, "running", 1, turn)

    async def finish(self, turn: Turn, reply: Reply, held: Sequence[int]) -> Finished | None:
        if not is_plain_reply(turn, reply):
            return None
        parts = _json(stored_parts(reply))
        row = await self._finishes.ask(
            turn.chat_id,
            (
                turn.user_id,
                turn.chat_id,
                turn.turn_id,
                turn.epoch,
                reply.status,
                reply.content,
                parts,
                _json(stored_usage(reply)),
                reply.error,
                reply.error_class,
                reply.kind,
                reply.title,
                _json([[address, chunk.text, chunk.markup] for address, chunk in reply.chunks] or None),
                held,
            ),
        )
        if row is None:
            return None
        said = _replied(row, turn, reply, parts)
        # Once the reply is on its way: nobody asks before that.
        asyncio.get_running_loop().call_soon(self._remember, turn, said, row["history_version"])
        session = _session(row, said, is_active=row["is_active"], ended_at=row["ended_at"], running=False)
        return Finished(reply.status, said, session, tuple(to_send(row.get("outbox_ids"), reply)), None)

    def began(self, accepted: Acceptance, depth: int) -> None:
        """Records that a session started with that message: nothing was said before it, and nothing has changed."""
        turn = accepted.turn
        if accepted.session_is_new and turn is not None and depth > 0:
            rows = (to_row(turn.seq, turn.messages[0]),)
            self.histories.keep(turn.chat_id, Known.of(turn.seq, 0, depth, (turn.seq,), rows))

    async def _accept_all(self, items: Sequence[Columns]) -> Mapping[int, Record]:
        if any(account is not None for *_, account in items):
            return await self._all(SQL["accept_from"], items, self.replica_id, self.resume_window)
        if len(items) == 1:
            return await self._one(SQL["accept_one"], *items[0][:-1], self.replica_id, self.resume_window)
        return await self._all(SQL["accept"], [values[:-1] for values in items], self.replica_id, self.resume_window)

    async def _finish_all(self, items: Sequence[Columns]) -> Mapping[int, Record]:
        if len(items) == 1:
            *values, chunks, _ = items[0]
            if chunks is None:
                return await self._one(SQL["finish_one"], *values, self.replica_id)
        # An item held for one address is held for all.
        held = [item_id for *_, of_one in items for item_id in cast("Sequence[int]", of_one)]
        return await self._all(SQL["finish"], [values[:-1] for values in items], self.replica_id, held)

    async def _all(self, query: str, items: Sequence[Columns], *same: object) -> Mapping[int, Record]:
        # A missing list becomes NULL elements, too, which cost nothing there.
        columns = [None if all(value is None for value in values) else values for values in zip(*items, strict=True)]
        return await self._rows(query, *columns, *same)

    async def _rows(self, query: str, *values: object) -> Mapping[int, Record]:
        rows = await self.database.fetch(query, *values)
        return {row["place"] - 1: row for row in rows}

    async def _one(self, query: str, *values: object) -> Mapping[int, Record]:
        rows = await self.database.fetch(query, *values)
        return {0: rows[0][0]} if rows and rows[0][0] is not None else {}

    async def _before(self, row: Record, said: Message, depth: int) -> Sequence[Message]:
        """Returns the history for a message's turn, which is cached together with the message."""
        if depth == 0:
            return ()
        chat_id = ChatId(row["chat_id"])
        known = self.histories.at(chat_id, said.seq - 1, row["history_version"])
        if known is None or known.depth < depth:
            return await self._read(chat_id, said, depth)
        self.histories.keep(chat_id, known.then(said.seq, said))
        return LazyMessages(lambda: known.history(said.seq, depth))

    async def _read(self, chat_id: ChatId, said: Message, depth: int) -> Sequence[Message]:
        async with self.database.connection() as connection:
            found = await fetch_one(connection, SQL["history"], said.user_id, chat_id, said.seq, depth)
        rows = tuple(to_row(message["turn_seq"], to_message(message)) for message in found["messages"])
        turns = tuple(found["turns"])
        if all(row.turn in turns for row in rows):
            known = Known.of(said.seq - 1, found["history_version"], depth, turns, rows)
            self.histories.keep(chat_id, known.then(said.seq, said))
        return tuple(row.message for row in rows)

    def _remember(self, turn: Turn, said: Message, version: int) -> None:
        known = self.histories.at(turn.chat_id, said.seq - 1, version)
        if known is not None:
            self.histories.keep(turn.chat_id, known.then(turn.seq, said))


def stored_parts(reply: Reply) -> list[JsonObject] | None:
    """None if the content alone is enough."""
    return None if len(reply.parts) == 1 and reply.parts[0].get("type") == "text" else list(reply.parts)


def stored_usage(reply: Reply) -> JsonObject | None:
    """The cost of the turn, as JSON."""
    return None if reply.usage is None else usage_json(reply.usage)


def _said(row: Record, message: InboundMessage, turn_id: TurnId) -> Message:
    return Message(
        id=message_id(row["session_id"], row["seq"]),
        session_id=SessionId(row["session_id"]),
        user_id=message.user_id,
        seq=row["seq"],
        role="user",
        content=message.text,
        parts=text_parts(message.text),
        channel=message.channel,
        turn_id=turn_id,
        created_at=row["at"],
    )


def to_send(item_ids: Sequence[int | None] | None, reply: Reply) -> Iterator[OutboxItem]:
    """The chunks that this replica has to send now."""
    for item_id, (address, chunk) in zip(item_ids or (), reply.chunks, strict=item_ids is not None):
        if item_id is not None:
            yield OutboxItem(item_id, address, chunk)


def _json(value: JsonObject | Sequence[JsonObject | str | Sequence[str]] | None) -> str | None:
    """As text: a list within a list of values would be taken for a second dimension."""
    return None if value is None else orjson.dumps(value).decode()


def _replied(row: Record, turn: Turn, reply: Reply, parts: str | None) -> Message:
    return Message(
        id=message_id(turn.session_id, row["seq"]),
        session_id=turn.session_id,
        user_id=turn.user_id,
        seq=row["seq"],
        role="assistant",
        content=reply.content,
        # As it will be read: JSON has no tuples and no NaN.
        parts=text_parts(reply.content) if parts is None else tuple(orjson.loads(parts)),
        channel=turn.channel,
        turn_id=turn.turn_id,
        created_at=row["at"],
        kind=reply.kind,
    )


def _session(row: Record, said: Message, *, is_active: bool, ended_at: datetime | None, running: bool) -> Session:
    parent = row["parent_session_id"]
    return Session(
        session_id=SessionId(row["session_id"]),
        user_id=said.user_id,
        channel=ChannelName(row["channel"]),
        agent_name=AgentName(row["agent_name"]),
        title=row["title"],
        is_active=is_active,
        created_at=row["created_at"],
        updated_at=said.created_at,
        last_message_at=said.created_at,
        ended_at=ended_at,
        message_count=row["message_count"],
        metadata=row["metadata"] or {},
        parent_session_id=None if parent is None else SessionId(parent),
        last_seq=said.seq,
        running=running,
    )


def _turn(row: Record, turn_id: TurnId, said: Message, session: Session, history: Sequence[Message]) -> Turn:
    return Turn(
        turn_id=turn_id,
        chat_id=ChatId(row["chat_id"]),
        session_id=session.session_id,
        user_id=said.user_id,
        agent=session.agent_name,
        channel=said.channel,
        seq=said.seq,
        attempt=1,
        epoch=1,
        messages=(said,),
        history=history,
        # A session whose chat was left has no address there any more.
        deliver_to=tuple(Address(address) for address in row["deliver_to"] if address is not None),
        agent_session=row["agent_session"],
        metadata=session.metadata,
    )
