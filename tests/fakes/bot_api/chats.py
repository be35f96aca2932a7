"""The chats of a bot, and the messages in them."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

from tests.fakes.bot_api.text import command_entities
from tests.fakes.bot_api.wire import Json, JsonObject

ChatType = Literal["private", "group", "supergroup", "channel"]
Media = Literal["photo", "document", "sticker", "voice"]
_SUPERGROUPS_END = -1_000_000_000_000


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What a person does in a chat: writes, sends media with a caption, or edits (`edit_of`) an earlier message.

    `from_id` defaults to the chat in private chats and to 1001 elsewhere; `date` is Unix seconds, now by default.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    chat_id: int
    text: str | None = None
    from_id: int | None = None
    thread_id: int | None = None
    chat_type: ChatType | None = None
    title: str | None = None
    first_name: str = "Ada"
    username: str | None = None
    language_code: str = "en"
    media: Media | None = None
    caption: str | None = None
    media_group_id: str | None = None
    reply_to: int | None = None
    edit_of: int | None = None
    date: int | None = None


@dataclass(slots=True)
class Chat:
    """One chat as one bot sees it; message ids count from 1 in each chat."""

    chat_id: int
    type: ChatType
    title: str = "Test group"
    blocked: bool = False
    migrated_to: int | None = None
    forum: bool = False
    threads: set[int] = field(default_factory=set)
    messages: dict[int, JsonObject] = field(default_factory=dict)
    last_message_id: int = 0

    def next_message_id(self) -> int:
        self.last_message_id += 1
        return self.last_message_id

    def profile(self, user: UserMessage | None = None) -> JsonObject:
        """The Bot API's Chat object."""
        if self.type == "private":
            person: JsonObject = {"id": self.chat_id, "type": "private"}
            return person | (_names(user) if user else {"first_name": "Ada"})
        group: JsonObject = {"id": self.chat_id, "type": self.type, "title": self.title}
        return group | ({"is_forum": True} if self.forum else {})


def chat_type_of(chat_id: int) -> ChatType:
    """The type that follows from Telegram's numbering."""
    if chat_id > 0:
        return "private"
    return "supergroup" if chat_id <= _SUPERGROUPS_END else "group"


def user_message_json(said: UserMessage, chat: Chat, message_id: int, now: int) -> JsonObject:
    """The Bot API's Message object for what a person did."""
    message: JsonObject = {
        "message_id": message_id,
        "from": _user(said, chat),
        "chat": chat.profile(said),
        "date": said.date if said.date is not None else now,
    }
    message |= _placement(said, chat) | _content(said)
    return message


def _user(said: UserMessage, chat: Chat) -> JsonObject:
    from_id = said.from_id or (chat.chat_id if chat.type == "private" else 1001)
    user: JsonObject = {"id": from_id, "is_bot": False, "language_code": said.language_code}
    return user | _names(said)


def _names(said: UserMessage) -> JsonObject:
    names: JsonObject = {"first_name": said.first_name}
    return names | ({"username": said.username} if said.username else {})


def _placement(said: UserMessage, chat: Chat) -> JsonObject:
    placement: JsonObject = {}
    if said.thread_id is not None:
        placement |= {"message_thread_id": said.thread_id, "is_topic_message": True}
    if said.reply_to is not None and said.reply_to in chat.messages:
        placement["reply_to_message"] = chat.messages[said.reply_to]
    if said.media_group_id is not None:
        placement["media_group_id"] = said.media_group_id
    return placement


def _content(said: UserMessage) -> JsonObject:
    content: JsonObject = {} if said.media is None else {said.media: _media_json(said.media)}
    for name, words in (("text", said.text), ("caption", said.caption)):
        if words is not None:
            content[name] = words
            commands: list[Json] = [*command_entities(words)]
            content |= {"entities" if name == "text" else "caption_entities": commands} if commands else {}
    return content


def _media_json(media: Media) -> Json:
    file: JsonObject = {"file_id": f"fake-{media}", "file_unique_id": f"fake-{media}-1", "file_size": 1024}
    match media:
        case "photo":
            return [file | {"width": 90, "height": 90}]
        case "document":
            return file | {"file_name": "notes.pdf", "mime_type": "application/pdf"}
        case "sticker":
            shape: JsonObject = {"type": "regular", "width": 512, "height": 512, "emoji": "👍"}
            return file | shape | {"is_animated": False, "is_video": False}
        case "voice":
            return file | {"duration": 3, "mime_type": "audio/ogg"}
