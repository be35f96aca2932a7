"""Parses client frames into values. Pure; `docs/websocket.md` describes each frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from channels.websocket.faults import BadFrame, BrokenText
from gateway.core.commands import Command, parse_command
from gateway.core.content.metadata import metadata_of
from gateway.core.model import TERMINAL, WEB, AgentName, ApprovalId, ChannelName, JsonObject, SessionId, TurnId
from gateway.core.values import value
from gateway.errors import InvalidInput, TooLarge

MAX_ID = 128
MAX_NAME = 256
MAX_TOKEN = 16_384
MAX_ANSWER = 4_000
MAX_SEQ = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Hello:
    """Authentication, and the session to enter. `after`: the last `seq` seen; None replays nothing."""

    token: str
    session_id: SessionId | None
    agent: AgentName | None
    after: int | None
    channel: ChannelName
    id: str | None = None


@value
class Send:
    """A message. `id` is the client's own; sending it again is harmless. `metadata`: the client's own data about it."""

    id: str
    text: str
    session_id: SessionId | None
    metadata: JsonObject = field(default_factory=dict)
    command: Command | None = None
    """The chat command in the text."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Follow a session or, with None, the user's list of sessions."""

    session_id: SessionId | None
    after: int | None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Unwatch:
    """Stop following what `watch` asked for."""

    id: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a turn."""

    turn_id: TurnId
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """Answer an agent's question. `choice`: one of its choices, or its number; `text`: said beside it."""

    approval_id: ApprovalId
    choice: str
    text: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """The user is typing; nobody uses this yet."""

    id: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered by `pong`."""

    id: str | None = None


ClientFrame = Hello | Send | Watch | Unwatch | Cancel | Choose | Typing | Ping


def parse(data: bytes) -> ClientFrame:
    """Parses a text frame. Raises `BadFrame`. The length of a message is checked where it is accepted."""
    frame = _load(data)
    if (send := _plain_send(frame)) is not None:
        return send
    fields = Fields(frame)
    kind = fields.text("type", MAX_NAME)
    reader = READERS.get(kind)
    if reader is None:
        raise fields.bad(f"There is no frame of type {kind!r}; there are {', '.join(READERS)}.")
    return reader(fields)


def _plain_send(frame: dict[str, object]) -> Send | None:
    """A fast path for ordinary messages; all other frames are left to the full parser."""
    own, text = frame.get("id"), frame.get("text")
    if frame.get("type") != "send" or not isinstance(own, str) or not isinstance(text, str):
        return None
    if frame.get("session_id") is not None or frame.get("metadata") is not None:
        return None
    is_good = 0 < len(own) <= MAX_ID and text and "\0" not in text and "\0" not in own
    return Send(own, text, None, command=parse_command(text)) if is_good else None


def _load(data: bytes) -> dict[str, object]:
    try:
        frame: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        _require_utf8(data)
        raise BadFrame(f"The frame is not JSON: {error}.") from None
    if not isinstance(frame, dict):
        raise BadFrame("The frame should be a JSON object with a type.")
    return frame


def _require_utf8(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise BrokenText(f"The frame is not UTF-8: {error.reason} at byte {error.start}.") from None


class Fields:
    """The fields of a frame, checked on access; unused ones are ignored."""

    __slots__ = ("_frame", "reply_to")

    def __init__(self, frame: dict[str, object]) -> None:
        self._frame = frame
        own = frame.get("id")
        self.reply_to = own if isinstance(own, str) and 0 < len(own) <= MAX_ID else None

    def bad(self, text: str) -> BadFrame:
        return BadFrame(text, self.reply_to)

    def text(self, name: str, limit: int | None = None, *, least: int = 1) -> str:
        value = self._frame.get(name)
        if not isinstance(value, str):
            raise self.bad(f"The field {name} should be a string.")
        if limit is not None and len(value) > limit:
            raise self.bad(f"The field {name} has {len(value)} characters; at most {limit} are allowed.")
        if len(value) < least:
            raise self.bad(f"The field {name} should not be empty.")
        if "\0" in value:
            raise self.bad(f"The field {name} contains a NUL character (U+0000), which cannot be stored.")
        return value

    def optional_text(self, name: str, limit: int) -> str | None:
        return None if self._frame.get(name) is None else self.text(name, limit)

    def session_id(self) -> SessionId | None:
        name = self.optional_text("session_id", MAX_NAME)
        return None if name is None else SessionId(name)

    def metadata(self) -> JsonObject:
        try:
            return metadata_of(self._frame.get("metadata"), "The field metadata")
        except InvalidInput as error:
            raise BadFrame(
                str(error), self.reply_to, "too_large" if isinstance(error, TooLarge) else "invalid"
            ) from None

    def after(self) -> int | None:
        value = self._frame.get("after")
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEQ:
            raise self.bad("The field after should be the seq of a message, or 0.")
        return value


def _hello(fields: Fields) -> Hello:
    agent = fields.optional_text("agent", MAX_NAME)
    channel = ChannelName(fields.optional_text("channel", MAX_NAME) or WEB)
    if channel not in {WEB, TERMINAL}:
        raise fields.bad(f"The field channel should be {WEB} or {TERMINAL}.")
    return Hello(
        token=fields.text("token", MAX_TOKEN, least=0),
        session_id=fields.session_id(),
        agent=None if agent is None else AgentName(agent),
        after=fields.after(),
        channel=channel,
        id=fields.reply_to,
    )


def _send(fields: Fields) -> Send:
    own, text = fields.text("id", MAX_ID), fields.text("text")
    return Send(own, text, fields.session_id(), fields.metadata(), parse_command(text))


def _watch(fields: Fields) -> Watch:
    return Watch(fields.session_id(), fields.after(), fields.reply_to)


def _unwatch(fields: Fields) -> Unwatch:
    return Unwatch(fields.reply_to)


def _cancel(fields: Fields) -> Cancel:
    name = fields.text("turn_id", MAX_NAME)
    try:
        return Cancel(TurnId(UUID(name)), fields.reply_to)
    except ValueError:
        raise BadFrame("There is no such turn.", fields.reply_to, "not_found") from None


def _choose(fields: Fields) -> Choose:
    name, choice = fields.text("approval_id", MAX_NAME), fields.text("choice", MAX_NAME)
    text = fields.optional_text("text", MAX_ANSWER)
    try:
        return Choose(ApprovalId(UUID(name)), choice, text, fields.reply_to)
    except ValueError:
        raise BadFrame("There is no such question.", fields.reply_to, "not_found") from None


def _typing(fields: Fields) -> Typing:
    return Typing(fields.reply_to)


def _ping(fields: Fields) -> Ping:
    return Ping(fields.reply_to)


READERS: dict[str, Callable[[Fields], ClientFrame]] = {
    "hello": _hello,
    "send": _send,
    "watch": _watch,
    "unwatch": _unwatch,
    "cancel": _cancel,
    "choose": _choose,
    "typing": _typing,
    "ping": _ping,
}
