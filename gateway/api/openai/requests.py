"""Parses requests for chat completions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self, assert_never

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from gateway.core.commands import Command, parse_command
from gateway.core.model import JsonObject
from gateway.core.ports.sessions.imported_transcripts import ImportedMessage

MOST_MESSAGES = 2_048
INSTRUCTIONS = "data-system"
"""The part type of a system message, stored with the following user's message: agents have their own instructions, and nobody
else may give them any.
"""


class ContentPart(BaseModel):
    """A part of a message's content. Agents receive text."""

    model_config = ConfigDict(strict=True, frozen=True)

    type: str
    text: str | None = None
    refusal: str | None = None

    @model_validator(mode="after")
    def _is_text(self) -> Self:
        if self.type not in {"text", "refusal"}:
            raise ValueError(f"parts of type {self.type} are not supported; text parts are")
        if self.said is None:
            raise ValueError(f"a part of type {self.type} should have {self.type}")
        return self

    @property
    def said(self) -> str | None:
        """Its text."""
        return self.text if self.type == "text" else self.refusal


def _as_parts(content: object) -> object:
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


CONTENT_SCHEMA: JsonObject = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "text"],
                "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
            },
        },
        {"type": "null"},
    ],
    "default": None,
    "description": "A string, or a list of text parts.",
}
Content = Annotated[list[ContentPart], BeforeValidator(_as_parts), WithJsonSchema(CONTENT_SCHEMA)]


def _nothing(value: object) -> object:
    if value:
        raise ValueError("is not supported: agents bring their own tools and answer in text. Leave it out")
    return value


def _no_choice(value: object) -> object:
    if value is not None and not (isinstance(value, str) and value in {"none", "auto"}):
        raise ValueError("is not supported: agents bring their own tools. Leave it out")
    return value


def _one(value: int | None) -> int | None:
    if value not in {None, 1}:
        raise ValueError("should be 1: an agent gives one answer")
    return value


def _only_text(value: object) -> object:
    if value not in (None, ["text"]):
        raise ValueError('should be ["text"]: agents answer in text')
    return value


def _plain(value: object) -> object:
    if isinstance(value, dict) and value.get("type") != "text":
        raise ValueError("should be left out: agents answer in text as they see fit")
    return value


Unsupported = Annotated[object, AfterValidator(_nothing), WithJsonSchema({"type": "null", "description": "Refused."})]


class ChatMessage(BaseModel):
    """A message of the request. `system` and `developer` messages are stored as data and instruct no agent."""

    model_config = ConfigDict(strict=True, frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: Content = Field(default_factory=list)
    tool_calls: Unsupported = None
    function_call: Unsupported = None
    audio: Unsupported = None

    @property
    def text(self) -> str:
        """Its text parts, line by line."""
        return "\n".join(part.said or "" for part in self.content)


def _ends_with_a_question(messages: list[ChatMessage]) -> list[ChatMessage]:
    spoken = [message for message in messages if message.role in {"user", "assistant"}]
    if not spoken or spoken[-1].role != "user" or not spoken[-1].text.strip():
        raise ValueError("should end with a user message that has text, which the agent then answers")
    return messages


class StreamOptions(BaseModel):
    """Options of a stream."""

    model_config = ConfigDict(strict=True, frozen=True)

    include_usage: bool | None = None


LONGEST_NAME = 512
"""Characters of a value in `metadata`, the same limit as OpenAI's."""


class ChatUser(BaseModel):
    """The client's own user, if it sends more than an id."""

    model_config = ConfigDict(strict=True, frozen=True)

    id: str | None = None


class ChatMetadata(BaseModel):
    """Your own data about the last message, at most 16 KiB as JSON; agents receive it."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    chat_id: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] | None = Field(
        None, description="The client's own name for the conversation; with `user` it names the session."
    )
    task: Annotated[
        object, WithJsonSchema({"description": "A task about the chat, such as making its title; not a message in it."})
    ] = None


class ChatCompletionRequest(BaseModel):
    """A request for a chat completion. These parameters are used; others are accepted and have no effect."""

    model_config = ConfigDict(strict=True, frozen=True)

    model: str = Field(min_length=1, max_length=200, description="The agent's name.")
    messages: Annotated[
        list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES), AfterValidator(_ends_with_a_question)
    ]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    metadata: ChatMetadata | None = None
    n: Annotated[int | None, AfterValidator(_one)] = Field(None, json_schema_extra={"enum": [1, None]})
    tools: Unsupported = None
    functions: Unsupported = None
    tool_choice: Annotated[
        object, AfterValidator(_no_choice), WithJsonSchema({"enum": ["none", "auto", None], "default": None})
    ] = None
    function_call: Annotated[
        object, AfterValidator(_no_choice), WithJsonSchema({"enum": ["none", "auto", None], "default": None})
    ] = None
    logprobs: Unsupported = None
    top_logprobs: Unsupported = None
    audio: Unsupported = None
    modalities: Annotated[
        object, AfterValidator(_only_text), WithJsonSchema({"enum": [["text"], None], "default": None})
    ] = None
    response_format: Annotated[
        object, AfterValidator(_plain), WithJsonSchema({"enum": [{"type": "text"}, None], "default": None})
    ] = None
    web_search_options: Unsupported = None
    user: str | ChatUser | None = Field(
        None, description="The client's own user. With `metadata.chat_id` it names the session, among the token's own."
    )

    @property
    def named_user(self) -> str | None:
        """The id of the client's own user."""
        return self.user.id if isinstance(self.user, ChatUser) else self.user

    @property
    def given_metadata(self) -> dict[str, object] | None:
        """The metadata as sent."""
        return None if self.metadata is None else self.metadata.model_dump(exclude_unset=True)

    @property
    def named_chat(self) -> str | None:
        """The client's name for the conversation."""
        return None if self.metadata is None else self.metadata.chat_id

    @property
    def is_task(self) -> bool:
        """Whether the request is about a conversation rather than part of it."""
        return self.metadata is not None and bool(self.metadata.task)

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request's messages as a session stores them: the earlier messages, and the user's message to answer.

    `data`: the instructions that come with the latter, as parts. `command`: the chat command in the question.
    """

    before: tuple[ImportedMessage, ...]
    question: str
    data: tuple[JsonObject, ...]
    command: Command | None


def conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """Splits the messages; the user's last one is the question."""
    last = max(place for place, message in enumerate(messages) if message.role == "user")
    before: list[ImportedMessage] = []
    data: list[JsonObject] = []
    for place, message in enumerate(messages):
        if place == last or not message.text:
            continue
        match message.role:
            case "system" | "developer":
                data.append({"type": INSTRUCTIONS, "data": {"role": message.role, "text": message.text}})
            case "user":
                before.append(_asked(message.text, data))
                data = []
            case "assistant":
                before.append(ImportedMessage("assistant", message.text))
            case _:
                assert_never(message.role)
    question = messages[last].text
    return Conversation(tuple(before), question, tuple(data), parse_command(question))


def _asked(text: str, data: Sequence[JsonObject]) -> ImportedMessage:
    return ImportedMessage("user", text, (*data, {"type": "text", "text": text}) if data else None)
