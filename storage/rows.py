"""Converts database rows to values of the core."""

from __future__ import annotations

import re
from typing import TypedDict, cast
from uuid import UUID

from asyncpg import Record

from gateway.core.history import LazyMessages
from gateway.core.model import (
    Address,
    AgentName,
    ApprovalAnswer,
    ApprovalId,
    ChannelName,
    ChatId,
    JsonObject,
    JsonValue,
    Message,
    MessageId,
    MessageKind,
    Role,
    Session,
    SessionId,
    Turn,
    TurnId,
    Usage,
    UserId,
)
from gateway.errors import InvalidInput


class StoredAnswer(TypedDict):
    """An element of `turns.answers`."""

    approval_id: str
    choice: str
    text: str
    call_id: str
    tool: str
    input: JsonObject
    resume: JsonValue
    answered_by: str | None


def present(record: Record | None, key: str) -> Record | None:
    """Returns a composite value, or None if Postgres sends a row of nulls for it."""
    return record if record is not None and record[key] is not None else None


def message_id(chat_id: UUID | SessionId, seq: int) -> MessageId:
    """The public id of a row: its session's key and its `seq`, so that looking it up needs no index of its own.

    A session's public id is its key as text.
    """
    return MessageId(f"{chat_id}.{seq}")


def seq_of(wanted: MessageId, session_id: SessionId) -> int:
    """Returns the `seq` in a message's id, in its only spelling. Raises `InvalidInput` if it is not an id of this session."""
    owner, dot, seq = wanted.rpartition(".")
    if not dot or owner != session_id or re.fullmatch(r"[1-9][0-9]{0,17}", seq) is None:
        raise InvalidInput("before_id should be the id of a message of this session.")
    return int(seq)


def to_message(row: Record) -> Message:
    """Converts a row of `chat_messages`. A deleted one keeps only its place."""
    deleted = row["deleted_at"] is not None
    content: str = "" if deleted else row["content"]
    parts: list[JsonObject] | None = [] if deleted else row["parts"]
    chat_id: UUID = row["chat_id"]
    return Message(
        id=message_id(chat_id, row["seq"]),
        session_id=SessionId(str(chat_id)),
        user_id=UserId(row["user_id"]),
        seq=row["seq"],
        role=cast("Role", row["role"]),
        content=content,
        parts=text_parts(content) if parts is None else tuple(parts),
        channel=ChannelName(row["channel"]),
        turn_id=row["turn_id"],
        created_at=row["created_at"],
        edited_at=row["edited_at"],
        deleted=deleted,
        changed_at=row["changed_at"] or row["deleted_at"],
        # Only a rollback hides without a change of its own.
        taken_back=deleted and (row["rewound"] or row["changed_at"] is None),
        kind=cast("MessageKind", row["kind"]),
        metadata={} if deleted else row["metadata"] or {},
    )


def text_parts(content: str) -> tuple[JsonObject, ...]:
    """The parts of a message that consists of text only."""
    return ({"type": "text", "text": content},)


def to_session(row: Record, *, running: bool = False) -> Session:
    """Converts a row of `chat_sessions`."""
    parent = row["parent_session_id"]
    return Session(
        session_id=SessionId(row["session_id"]),
        user_id=UserId(row["user_id"]),
        channel=ChannelName(row["channel"]),
        agent_name=AgentName(row["agent_name"]),
        title=row["title"],
        is_active=row["is_active"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        last_message_at=row["last_message_at"],
        ended_at=row["ended_at"],
        message_count=row["message_count"],
        metadata=row["metadata"],
        parent_session_id=None if parent is None else SessionId(parent),
        last_seq=row["last_seq"],
        running=running,
    )


def to_turn(
    row: Record, messages: list[Record], history: list[Record], session: Record, agent_session: str | None = None
) -> Turn:
    """Converts a claimed row of `turns`, with the messages to answer and the history.

    `agent_session`: the framework's id that the agent has just reported, if it is newer than the session's row.
    """
    return Turn(
        turn_id=TurnId(row["turn_id"]),
        chat_id=ChatId(row["chat_id"]),
        session_id=SessionId(str(row["chat_id"])),
        user_id=UserId(row["user_id"]),
        agent=AgentName(row["agent_name"]),
        channel=ChannelName(row["channel"]),
        seq=row["seq"],
        attempt=row["attempt"],
        epoch=row["epoch"],
        messages=tuple(map(to_message, messages)),
        history=LazyMessages(lambda: map(to_message, history)),
        # A session whose chat was left has no address there any more.
        deliver_to=tuple(Address(address) for address in row["deliver_to"] if address is not None),
        ends_session=row["ends_session"],
        cancel_requested=row["cancel_requested"],
        agent_session=agent_session or session["agent_session"],
        metadata=session["metadata"],
        answers=tuple(map(_to_answer, row["answers"] or ())),
        questions=row["questions"] or 0,
        spent=to_usage(row["usage"]),
    )


def _to_answer(answer: StoredAnswer) -> ApprovalAnswer:
    answered_by = answer["answered_by"]
    return ApprovalAnswer(
        approval_id=ApprovalId(UUID(answer["approval_id"])),
        choice=answer["choice"],
        text=answer["text"],
        call_id=answer["call_id"],
        tool=answer["tool"],
        input=answer["input"],
        resume=answer["resume"],
        answered_by=None if answered_by is None else UserId(answered_by),
    )


def usage_json(usage: Usage) -> JsonObject:
    """Returns what a turn has used, as it is stored; what is zero or absent in most turns is left out."""
    stored: JsonObject = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "model": usage.model,
        "cost": usage.cost,
    }
    if usage.cache_read_tokens:
        stored["cache_read_tokens"] = usage.cache_read_tokens
    if usage.cache_write_tokens:
        stored["cache_write_tokens"] = usage.cache_write_tokens
    if usage.models:
        stored["models"] = [usage_json(part) for part in usage.models]
    return stored


class StoredUsage(TypedDict, total=False):
    """The result of `usage_json`."""

    input_tokens: int
    output_tokens: int
    model: str
    cost: float | None
    cache_read_tokens: int
    cache_write_tokens: int
    models: list[StoredUsage]


def to_usage(stored: StoredUsage | None) -> Usage | None:
    """Converts the result of `usage_json` back."""
    return None if stored is None else _usage(stored)


def _usage(stored: StoredUsage) -> Usage:
    return Usage(
        stored.get("input_tokens", 0),
        stored.get("output_tokens", 0),
        stored.get("model", ""),
        stored.get("cost"),
        stored.get("cache_read_tokens", 0),
        stored.get("cache_write_tokens", 0),
        tuple(map(_usage, stored.get("models", ()))),
    )
