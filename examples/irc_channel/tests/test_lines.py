"""Lines in, lines out."""

from __future__ import annotations

import pytest
from turngate_irc.normalize import Incoming, normalize
from turngate_irc.render import MOST_BYTES, NOTHING_SAID, render

from turngate import InvalidInput


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (":ann!~a@host PRIVMSG turngate :hello", Incoming("ann", "hello")),
        (":ann!~a@host PRIVMSG TurnGate :!new hello", Incoming("ann", "/new hello")),
        ("@msgid=7 :ann!~a@host PRIVMSG turngate :hello", Incoming("ann", "hello")),
        (":ann!~a@host PRIVMSG #room :hello", None),
        (":ann!~a@host PRIVMSG turngate :\x01VERSION\x01", None),
        (":turngate!~t@host PRIVMSG turngate :to myself", None),
        ("PING :irc.example.net", None),
    ],
)
def test_private_messages_are_for_the_gateway(line: str, expected: Incoming | None) -> None:
    """Rooms, CTCP and the server's own lines are not."""
    assert normalize(line, "turngate") == expected


def test_what_is_no_line_is_refused() -> None:
    """The network would not send it."""
    with pytest.raises(InvalidInput):
        normalize("\0", "turngate")


def test_long_lines_are_split_between_words() -> None:
    """Each piece fits beside who sends it to whom, in bytes."""
    pieces = [chunk.text for chunk in render("größer " * 200)]
    assert max(len(piece.encode()) for piece in pieces) <= MOST_BYTES
    assert " ".join(pieces).split() == ["größer"] * 200


def test_an_empty_reply_says_so() -> None:
    """IRC has no empty lines."""
    assert [chunk.text for chunk in render("\n\0\n")] == [NOTHING_SAID]
