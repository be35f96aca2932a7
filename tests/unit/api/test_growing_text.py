"""A stream from which nothing can be taken back."""

from __future__ import annotations

import pytest

from gateway.api.openai.growing_text import GrowingText
from gateway.core.events import ToolCall, ToolResult
from gateway.core.live.live_turns import LiveAttempt, Piece

CALL = ToolCall("c", "clock", {})
RESULT = ToolResult("c", "clock", "noon")


@pytest.mark.parametrize(
    ("attempts", "final", "sent"),
    [
        ([["One", " two"]], "One two", "One two"),
        ([[]], "One two", "One two"),
        ([["One"]], "One two", "One two"),
        ([["One t"], ["On", "e two thr"]], "One two three", "One two three"),
        ([["One t"], ["One"]], "One two", "One two"),
        ([["One t"], []], "One two", "One two"),
        ([["Let me see.", CALL, RESULT, "Noon."]], "Let me see.\n\nNoon.", "Let me see.\n\nNoon."),
        ([[CALL, RESULT, "Noon."]], "Noon.", "Noon."),
        ([["A", CALL, RESULT, CALL, RESULT]], "A", "A"),
        ([["A", CALL, "B"], ["A", CALL, "B", CALL, "C"]], "A\n\nB\n\nC", "A\n\nB\n\nC"),
        ([["A\0", "\ud83d"]], "A\ufffd", "A\ufffd"),
        ([["One t"], ["Two"], ["One two"]], "One two", "One two"),
    ],
)
def test_what_is_sent_is_the_final_row(attempts: list[list[Piece]], final: str, sent: str) -> None:
    """What the attempts have in common is sent once."""
    told = GrowingText()
    pieces = [piece for number, attempt in enumerate(attempts, 1) for piece in heard(told, number, attempt)]
    assert "".join([*pieces, told.conclude(final) or ""]) == sent


@pytest.mark.parametrize(
    ("attempts", "final"),
    [
        ([["One two"]], "One three"),
        ([["One two"]], "One"),
        ([["One two"], ["Three"]], "Three"),
        ([["One two"], ["One three"], ["One t"]], "One t"),
    ],
)
def test_a_row_that_differs_cannot_be_shown(attempts: list[list[Piece]], final: str) -> None:
    """And nothing wrong is sent after the text so far."""
    told = GrowingText()
    pieces = [piece for number, attempt in enumerate(attempts, 1) for piece in heard(told, number, attempt)]
    assert "".join(pieces) == "".join(str(piece) for piece in attempts[0])
    assert told.conclude(final) is None


def test_an_attempt_that_has_lost_its_lease_is_not_heard() -> None:
    """A later attempt has begun."""
    told = GrowingText()
    assert told.read(LiveAttempt(2, ["Second"])) == "Second"
    assert told.read(LiveAttempt(1, ["First"])) == ""


def heard(told: GrowingText, attempt: int, pieces: list[Piece]) -> list[str]:
    """Returns what is sent while an attempt grows piece by piece."""
    said = LiveAttempt(attempt)
    sent = [told.read(said)]
    for piece in pieces:
        said.pieces.append(piece)
        sent.append(told.read(said))
    return sent
