"""Normalizes raw updates: pure, without titles or other decoration."""

from __future__ import annotations

import re
from dataclasses import dataclass

from channels.telegram.bot_identity import BotIdentity
from channels.telegram.receiving.wire import RawMessage, RawSender, read_message
from channels.telegram.target import Target
from gateway.core.commands import Command, parse_command
from gateway.core.model import JsonValue
from gateway.errors import InvalidInput

NO_PERSONS = frozenset({777_000, 1_087_968_824, 136_817_688})
"""Telegram's service account, which also forwards channel posts; GroupAnonymousBot; Channel_Bot (gotd/td, constant/ids.go)."""
_COMMAND = re.compile(r"(/[A-Za-z0-9_]{1,64})@(\w{3,64})(?=\s|$)")
_START = re.compile(r"/start(?:\s+([A-Za-z0-9_-]{1,64}))?\s*")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A person's message. `key` is the same for every delivery of it. `start`: the payload of `/start`, or ''; None for other messages.

    `private`: nobody else can read it. `sender_name`: what they call themselves, to recognise a link by. `written_at`: in
    Unix seconds, by Telegram's clock. `command`: the chat command in the text.
    """

    target: Target
    sender_id: int
    text: str
    key: str
    start: str | None = None
    private: bool = True
    sender_name: str | None = None
    written_at: int | None = None
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Migrated:
    """A group that became a supergroup: another chat id for the same people and the same conversation."""

    old: Target
    new: Target


@dataclass(frozen=True, slots=True)
class Ignored:
    """A valid update that needs no answer."""

    reason: str


def normalize(update: JsonValue, bot: BotIdentity) -> Incoming | Migrated | Ignored:
    """Raises `InvalidInput` for an update that can't be parsed: it belongs in quarantine."""
    if not isinstance(update, dict):
        raise InvalidInput("the update is not an object")
    if "message" in update:
        message = read_message(update["message"])
        return _migration(message, bot) or _from_message(message, bot)
    kinds = sorted(key for key, value in update.items() if key != "update_id" and isinstance(value, dict))
    if not kinds:
        raise InvalidInput("the update is empty")
    return Ignored(f"an update of kind {kinds[0]}")


def _migration(message: RawMessage, bot: BotIdentity) -> Migrated | None:
    """Handles both service messages: the last one of the group and the first one of the supergroup."""
    here = message.chat.id
    old, new = message.migrate_from_chat_id or here, message.migrate_to_chat_id or here
    return None if old == new else Migrated(Target(bot.bot_id, old), Target(bot.bot_id, new))


def _from_message(message: RawMessage, bot: BotIdentity) -> Incoming | Ignored:
    if message.sender is None or not _is_person(message, message.sender):
        return Ignored("not sent by a person")
    text = _content(message)
    if text is None:
        return Ignored("a service message")
    addressed = _addressed(text, bot, private=message.chat.type == "private")
    if addressed is None:
        return Ignored("a command for another bot")
    thread_id = message.message_thread_id if message.is_topic_message else 0
    return Incoming(
        target=Target(bot.bot_id, message.chat.id, thread_id),
        sender_id=message.sender.id,
        text=addressed,
        key=f"tg:{bot.bot_id}:{message.chat.id}:{message.message_id}:{message.edit_date}",
        start=_start_payload(addressed),
        private=message.chat.type == "private",
        sender_name=message.sender_name,
        written_at=message.date,
        command=parse_command(addressed),
    )


def _is_person(message: RawMessage, sender: RawSender) -> bool:
    impersonal = sender.is_bot or sender.id in NO_PERSONS or message.on_behalf_of_chat
    return not impersonal and message.chat.type != "channel"


def _content(message: RawMessage) -> str | None:
    """Returns the text; a short word for media without text; None if there is neither."""
    written = message.text or message.caption or ""
    if written.strip():
        return written
    if message.media is not None:
        return f"[{message.media.replace('_', ' ')}]"
    return None if message.text is None else "[empty message]"


def _addressed(text: str, bot: BotIdentity, *, private: bool) -> str | None:
    """Returns the text without the bot's own name before it or after a command; None if it is meant for another bot."""
    command = _COMMAND.match(text)
    if command is not None:
        if command[2].lower() == bot.username.lower():
            return command[1] + text[command.end() :]
        return text if private else None
    mention = re.match(rf"\s*@{re.escape(bot.username)}\b[\s,:]*", text, re.IGNORECASE)
    return text if mention is None or mention.end() == len(text) else text[mention.end() :]


def _start_payload(text: str) -> str | None:
    found = _START.fullmatch(text)
    return None if found is None else found[1] or ""
