"""Which messages are accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.inbound import InboundMessage
from gateway.core.intake.dispatcher import check_message
from gateway.core.model import WEB, AgentName, Route, UserId
from gateway.errors import InvalidInput, TooLarge

HELLO = InboundMessage(UserId("ann"), WEB, AgentName("assistant"), "hello", "k1", Route("web:assistant"))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"text": ""}, "should not be empty"),
        ({"text": " \n"}, "should not be empty"),
        ({"text": "a\0b"}, "NUL"),
        ({"text": "a\ud800b"}, "surrogate"),
        ({"key": ""}, "1 to 128"),
        ({"key": "k" * 129}, "1 to 128"),
        ({"key": "k\0"}, "NUL"),
    ],
)
def test_a_bad_message_names_its_rule(wrong: dict[str, str], text: str) -> None:
    """The error says what would be valid."""
    with pytest.raises(InvalidInput, match=text):
        check_message(replace(HELLO, **wrong), 100)  # type: ignore[arg-type] # fields by name


def test_a_message_may_be_as_long_as_the_limit() -> None:
    """One more character is too many."""
    check_message(replace(HELLO, text="x" * 100), 100)
    with pytest.raises(TooLarge, match="the limit is 100"):
        check_message(replace(HELLO, text="x" * 101), 100)
