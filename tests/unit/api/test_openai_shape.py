"""OpenAI's messages as a session stores them."""

from __future__ import annotations

import pytest

from gateway.api.openai.requests import ChatMessage, conversation
from gateway.core.ports.sessions.imported_transcripts import ImportedMessage
from storage.sessions.imported_transcripts import turn_seqs


def messages(*told: tuple[str, str | None]) -> list[ChatMessage]:
    """Messages of these roles and texts."""
    return [ChatMessage.model_validate({"role": role, "content": text}) for role, text in told]


@pytest.mark.parametrize(
    ("told", "before"),
    [
        ([("user", "a")], []),
        ([("user", "a"), ("assistant", "b"), ("user", "c")], [("user", "a"), ("assistant", "b")]),
        ([("user", "a"), ("user", "c")], [("user", "a")]),
        ([("assistant", None), ("user", "c")], []),
        ([("assistant", "hello"), ("user", "c")], [("assistant", "hello")]),
        ([("system", "s"), ("user", "c")], []),
        ([("user", "c"), ("developer", "d")], []),
        ([("system", "s"), ("assistant", "b"), ("user", "a"), ("user", "c")], [("assistant", "b"), ("user", "a")]),
    ],
)
def test_the_last_user_message_is_the_question(told: list[tuple[str, str]], before: list[tuple[str, str]]) -> None:
    """Everything else comes before it; instructions are data of the following message."""
    taken = conversation(messages(*told))
    assert taken.question == [text for role, text in told if role == "user"][-1]
    assert [(said.role, said.content) for said in taken.before] == before


@pytest.mark.parametrize(
    ("roles", "turns"),
    [
        ("", []),
        ("uaua", [1, 1, 3, 3]),
        ("uu", [1, 2]),
        ("auaa", [1, 2, 2, 2]),
        ("aau", [1, 2, 3]),
    ],
)
def test_rows_are_grouped_by_the_users_messages(roles: str, turns: list[int]) -> None:
    """So that history is cut between turns."""
    transcript = [ImportedMessage("user" if role == "u" else "assistant", "x") for role in roles]
    assert list(turn_seqs(transcript)) == turns
