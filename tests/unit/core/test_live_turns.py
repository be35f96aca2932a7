"""What a replica remembers of running turns, and of waiting ones."""

from __future__ import annotations

from uuid import uuid4

from gateway.core.events import (
    AttemptBegan,
    LiveEvent,
    Progress,
    ReasoningDelta,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    TurnChanged,
)
from gateway.core.live.bus import LocalBus
from gateway.core.live.live_turns import BEGINNING, BLOCK, LiveAttempt, LiveTurns, Piece
from gateway.core.model import SessionId, TurnId, TurnStatus, UserId
from tests.unit.agents import turns

SESSION = SessionId("s")
TOOL = ToolCall("1", "look", {})


def changed(turn_id: TurnId, status: TurnStatus, attempt: int) -> TurnChanged:
    return TurnChanged(SESSION, UserId("mia"), turn_id, status, attempt)


def began(turn_id: TurnId, attempt: int) -> AttemptBegan:
    return AttemptBegan(SESSION, UserId("mia"), turn_id, attempt)


def delta(turn_id: TurnId, attempt: int, text: str) -> Progress:
    return Progress(SESSION, UserId("mia"), turn_id, attempt, TextDelta(text))


def heard(live: LiveTurns, turn_id: TurnId) -> tuple[Piece, ...]:
    said = live.said(turn_id)
    return () if said is None else tuple(said.after(BEGINNING)[0])


def test_a_new_attempt_starts_from_the_beginning() -> None:
    """The text of the previous attempt is discarded."""
    live, turn = LiveTurns(LocalBus(), 8), TurnId(uuid4())
    for event in (
        began(turn, 1),
        delta(turn, 1, "no"),
        began(turn, 2),
        delta(turn, 2, "yes"),
    ):
        live.publish("t", event)
    live.publish("t", delta(turn, 1, "late"))
    assert heard(live, turn) == ("yes",)


def test_a_turn_that_ended_is_forgotten() -> None:
    """The row is the record."""
    live, turn = LiveTurns(LocalBus(), 8), TurnId(uuid4())
    for event in (began(turn, 1), delta(turn, 1, "hm"), changed(turn, "completed", 1)):
        live.publish("t", event)
    assert live.said(turn) is None


def test_a_turn_that_continues_elsewhere_is_forgotten() -> None:
    """The text from here is discarded, and the text from there does not arrive."""
    live, turn = LiveTurns(LocalBus(), 8), TurnId(uuid4())
    for event in (began(turn, 1), changed(turn, "running", 1), delta(turn, 1, "hm")):
        live.publish("t", event)
    assert heard(live, turn) == ("hm",)
    live.publish("t", changed(turn, "running", 2))
    assert live.said(turn) is None


def test_the_oldest_turns_give_way() -> None:
    """Turns whose end is never announced cannot pile up."""
    live, turns = LiveTurns(LocalBus(), 2), [TurnId(uuid4()) for _ in range(3)]
    for turn in turns:
        live.publish("t", began(turn, 1))
    assert [live.said(turn) is None for turn in turns] == [True, False, False]


def test_half_an_answer_is_not_remembered() -> None:
    """The rest of an attempt whose beginning is unknown would look like all of it."""
    live, turns = LiveTurns(LocalBus(), 1), [TurnId(uuid4()) for _ in range(2)]
    for turn in turns:
        live.publish("t", began(turn, 1))
    live.publish("t", delta(turns[0], 1, "and the rest"))
    assert [live.said(turn) is None for turn in turns] == [True, False]


def test_a_later_attempt_does_not_wait_here() -> None:
    """Another replica has taken it over; and nothing waits once the slot has come."""
    live, turn = LiveTurns(LocalBus(), 8), turns.turn("hello", attempt=2)
    with live.waiting(turn):
        assert [live.waits(turn.turn_id, attempt) for attempt in (1, 2, 3)] == [True, True, False]
    assert not live.waits(turn.turn_id, 2)


def test_subscribers_find_the_events_they_receive() -> None:
    """Events are remembered before they are published."""
    live, turn = LiveTurns(LocalBus(), 8), TurnId(uuid4())
    found: list[tuple[Piece, ...]] = []

    def sink(_event: LiveEvent) -> None:
        found.append(heard(live, turn))

    live.publish("t", began(turn, 1))
    live.subscribe("t", sink)
    live.publish("t", delta(turn, 1, "hm"))
    assert found == [("hm",)]
    assert live.topics() == ("t",)


def test_reading_on_neither_repeats_nor_misses() -> None:
    """Even if the last piece grows, or is full."""
    said, place = LiveAttempt(1), BEGINNING
    read: list[Piece] = []
    told: list[TextDelta | ToolCall] = [TextDelta("a"), TextDelta("b" * BLOCK), TextDelta("c"), TOOL, TextDelta("d")]
    for event in told:
        said.add(event)
        pieces, place = said.after(place)
        read += pieces
        assert said.after(place) == ((), place)
    assert read == ["a", "b" * BLOCK, "c", TOOL, "d"]


def test_small_pieces_are_joined() -> None:
    """An answer in single characters uses about as much memory as its text."""
    said = LiveAttempt(1)
    for _ in range(3 * BLOCK):
        said.add(TextDelta("x"))
    assert len(said.pieces) == 3


def test_reasoning_and_inputs_grow_like_text() -> None:
    """Somebody who reads along gets each piece once."""
    said = LiveAttempt(1)
    said.add(ReasoningDelta("Hm"))
    news, place = said.after(BEGINNING)
    assert news == [ReasoningDelta("Hm")]
    for event in (ReasoningDelta(", birds"), ToolInputDelta("1", "look", '{"a'), ToolInputDelta("1", "look", '":1}')):
        said.add(event)
    news, place = said.after(place)
    assert news == [ReasoningDelta(", birds"), ToolInputDelta("1", "look", '{"a":1}')]
    assert said.after(place) == ((), place)


def test_a_status_holds_until_the_agent_speaks() -> None:
    """Somebody who joins late sees what it is doing."""
    said = LiveAttempt(1)
    said.add(Status("Searching"))
    assert said.status == "Searching"
    said.add(TextDelta("Found it."))
    assert (said.status, said.after(BEGINNING)[0]) == ("", ["Found it."])
