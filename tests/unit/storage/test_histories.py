"""How much of conversations is cached."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from gateway.core.model import WEB, ChatId, JsonObject, Message, MessageId, SessionId, UserId
from storage.turns.histories import Histories, Known, to_row

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def known(size: int, *parts: JsonObject) -> Known:
    """The cache entry of a session with one message."""
    about = (MessageId("m"), SessionId("s"), UserId("ann"), 1)
    message = Message(*about, "user", "x" * size, parts or ({"type": "text"},), WEB, None, NOON)
    return Known.of(1, 0, 20, (1,), (to_row(1, message),))


def kept(histories: Histories, *all_known: Known) -> list[bool]:
    """Which sessions are still cached once the last one has been added."""
    chats = [ChatId(uuid4()) for _ in all_known]
    for chat_id, one in zip(chats, all_known, strict=True):
        histories.keep(chat_id, one)
    return [histories.at(chat_id, 1, 0) is not None for chat_id in chats]


def test_the_oldest_makes_room() -> None:
    """The cache never exceeds its limit."""
    assert kept(Histories(most=2_500), *[known(40)] * 4) == [False, False, True, True]


def test_a_session_that_is_too_large_takes_no_room() -> None:
    """The others stay cached."""
    assert kept(Histories(most=2_500), known(40), known(5_000)) == [True, False]


def test_short_messages_count_as_what_they_take() -> None:
    """A message of one letter takes about as much memory as one of a hundred."""
    many = Known.of(1, 0, 20, (1,), known(1).rows * 40)
    assert kept(Histories(most=100_000), *[many] * 4) == [False, False, True, True]


def test_parts_count() -> None:
    """A short text may have long parts."""
    tool: JsonObject = {"type": "tool", "output": "x" * 90}
    assert kept(Histories(most=1_200), known(1)) == [True]
    assert kept(Histories(most=1_200), known(1, tool)) == [False]


def test_another_version_is_not_known() -> None:
    """Something has changed since."""
    histories, chat_id = Histories(), ChatId(uuid4())
    histories.keep(chat_id, known(1))
    assert histories.at(chat_id, 1, 1) is None
    assert histories.at(chat_id, 2, 0) is None
