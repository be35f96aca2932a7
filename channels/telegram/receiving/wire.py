"""The parts of a Bot API Update that the gateway reads, and their types (Bot API, section Update).

Other fields are ignored, so that new fields of Telegram's never make an update malformed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.core.content.cleaning import clean
from gateway.core.model import JsonObject, JsonValue
from gateway.errors import InvalidInput

_Id = Annotated[int, Field(ge=-(2**53), le=2**53)]
_PositiveId = Annotated[int, Field(ge=0, le=2**53)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Chat(_Shape):
    id: _Id
    type: Literal["private", "group", "supergroup", "channel"]


class RawSender(_Shape):
    id: _PositiveId
    is_bot: bool = False


class RawMessage(_Shape):
    """A message as Telegram sends it. `media`: the name of the first field with content other than text.

    `sender_name`: `@username`, or the first name if there is none. `date`: None if it can't be parsed.
    `on_behalf_of_chat`: sent by a channel or an anonymous admin, so that `sender` stands for anybody who may do so (Bot API,
    `sender_chat`, `is_automatic_forward`).
    """

    message_id: _PositiveId
    chat: Chat
    sender: RawSender | None = Field(None, alias="from")
    text: str | None = None
    caption: str | None = None
    date: int | None = None
    edit_date: _PositiveId = 0
    message_thread_id: _PositiveId = 0
    is_topic_message: bool = False
    migrate_to_chat_id: _Id | None = None
    migrate_from_chat_id: _Id | None = None
    media: str | None = None
    sender_name: str | None = None
    on_behalf_of_chat: bool = False


MEDIA = (
    "animation",  # also has a `document`, so it comes first
    "audio",
    "checklist",
    "contact",
    "dice",
    "document",
    "game",
    "paid_media",
    "photo",
    "poll",
    "sticker",
    "story",
    "venue",  # also has a `location`
    "location",
    "video",
    "video_note",
    "voice",
)
"""Kinds of content without text of their own (Bot API, section Message)."""

LONGEST_NAME = 64
_MESSAGE = TypeAdapter(RawMessage)


def read_message(raw: JsonValue) -> RawMessage:
    """Raises an `InvalidInput` that names the fields which are missing or of a wrong type or size."""
    if not isinstance(raw, dict):
        raise InvalidInput("the message is not an object")
    try:
        return _MESSAGE.validate_python(raw | _words(raw) | _readings(raw))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidInput("; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)) from None


def _words(raw: JsonObject) -> JsonObject:
    return {name: clean(value) for name in ("text", "caption") if isinstance(value := raw.get(name), str)}


def _readings(raw: JsonObject) -> JsonObject:
    of_chat = raw.get("sender_chat") is not None or raw.get("is_automatic_forward") is True
    return {"media": _media(raw), "sender_name": _sender_name(raw), "on_behalf_of_chat": of_chat, "date": _date(raw)}


def _date(raw: JsonObject) -> int | None:
    date = raw.get("date")
    return date if type(date) is int and 0 <= date <= 2**53 else None


def _media(raw: JsonObject) -> str | None:
    return next((kind for kind in MEDIA if raw.get(kind) is not None), None)


def _sender_name(raw: JsonObject) -> str | None:
    sender = raw.get("from")
    if not isinstance(sender, dict):
        return None
    for key, mark in (("username", "@"), ("first_name", "")):
        name = sender.get(key)
        if isinstance(name, str) and (shown := " ".join(clean(name).split())[:LONGEST_NAME]):
            return mark + shown
    return None


def update_id(update: JsonValue) -> int | None:
    """Returns the update's id, if it has one that could be Telegram's."""
    found = update.get("update_id") if isinstance(update, dict) else None
    return found if type(found) is int and 0 <= found < 2**53 else None


def chat_id(update: JsonValue) -> int | None:
    """Returns the chat that a new message was written in; None for all other updates and whatever can't be parsed."""
    message = update.get("message") if isinstance(update, dict) else None
    chat = message.get("chat") if isinstance(message, dict) else None
    found = chat.get("id") if isinstance(chat, dict) else None
    return found if type(found) is int else None
