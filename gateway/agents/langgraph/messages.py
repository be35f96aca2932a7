"""The transcript as LangChain's messages; pure."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from gateway.core.model import Message, Turn


def messages_of(turn: Turn, *, continues: bool) -> list[BaseMessage]:
    """Returns what the graph does not know yet, and the message to answer. `continues`: it has a thread with what came before."""
    missing = turn.unseen if continues else turn.history
    return [*said(missing), HumanMessage(turn.text, name=_name(turn.sender.name))]


def said(messages: Sequence[Message]) -> list[BaseMessage]:
    """The messages in LangChain's form."""
    return [
        HumanMessage(message.content) if message.role == "user" else AIMessage(message.content)
        for message in messages
        if message.content and not message.deleted
    ]


def _name(given: str) -> str | None:
    """Providers accept letters, digits, `-` and `_` in names."""
    kept = "".join(sign if sign.isalnum() and sign.isascii() else "_" for sign in given)[:64]
    return kept or None
