"""A turn as the messages of a chat completion; pure."""

from __future__ import annotations

from openai.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionMessageParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionUserMessageParam,
)

from gateway.core.model import Message, Turn


def messages_of(turn: Turn, instructions: str | None) -> list[ChatCompletionMessageParam]:
    """Instructions, what was said before, and what to answer. Nothing a user wrote gets into the system message."""
    said = [_message(message) for message in (*turn.history, *turn.messages) if message.content and not message.deleted]
    return [ChatCompletionSystemMessageParam(role="system", content=instructions), *said] if instructions else said


def _message(message: Message) -> ChatCompletionMessageParam:
    if message.role == "user":
        return ChatCompletionUserMessageParam(role="user", content=message.content)
    return ChatCompletionAssistantMessageParam(role="assistant", content=message.content)
