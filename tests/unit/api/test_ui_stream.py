"""What a client sees of a turn, whatever its attempts do: chunks in, the message as AI SDK builds it out."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway.api.ai_sdk.message_stream import UiMessageStream
from gateway.core.events import (
    Citation,
    DataPart,
    ReasoningDelta,
    ShownEvent,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
)
from gateway.core.live.live_turns import LiveAttempt
from gateway.core.model import (
    ChannelName,
    JsonObject,
    Message,
    MessageId,
    SessionId,
    TurnId,
    TurnStatus,
    UserId,
)
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.turns.draft import Draft

TURN = TurnId(UUID("00000000-0000-4000-8000-000000000001"))
Yielded = ShownEvent
LOOK = ToolCall("1", "look", {"at": "map"})
LOOK_AGAIN = ToolCall("7", "look", {"at": "map"})
SEEN, SEEN_AGAIN = ToolResult("1", "look", "a river"), ToolResult("7", "look", "a river")


def texts(*pieces: str) -> list[Yielded]:
    return [TextDelta(piece) for piece in pieces]


def row(*events: Yielded, status: TurnStatus = "completed", deleted: bool = False) -> TurnOutcome:
    """The row that results from an attempt."""
    draft = Draft(1000)
    for event in events:
        draft.add(event)
    content, parts = draft.finish()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    shown = () if deleted else parts
    ids = (MessageId("s.2"), SessionId("s"), UserId("mia"))
    reply = Message(*ids, 2, "assistant", content, shown, ChannelName("web"), TURN, at, deleted=deleted)
    return TurnOutcome(status, reply)


class Shown:
    """A stream and its chunks."""

    def __init__(self) -> None:
        self.stream = UiMessageStream(TURN, SessionId("s"), {})
        self.said = LiveAttempt(1)
        self.chunks: list[JsonObject] = []

    def hears(self, *events: Yielded) -> Shown:
        for event in events:
            self.said.add(event)
            self._read()
        return self

    def begins_attempt(self, number: int) -> Shown:
        self.said = LiveAttempt(number)
        self._read()
        return self

    def ends(self, outcome: TurnOutcome) -> Shown:
        self.stream.conclude(outcome)
        self.chunks += self.stream.take()
        return self

    def _read(self) -> None:
        self.stream.read(self.said)
        self.chunks += self.stream.take()

    @property
    def types(self) -> list[str]:
        return [str(chunk["type"]) for chunk in self.chunks]

    @property
    def steps(self) -> list[list[str]]:
        """The parts of each step, as `processUIMessageStream` assembles them."""
        steps: list[dict[str, str]] = []
        for chunk in self.chunks:
            if chunk["type"] == "start-step":
                steps.append({})
            elif steps and (shown := _shown(chunk)) is not None:
                key, text = shown
                steps[-1][key] = steps[-1].get(key, "") + text
        for kind in ("text", "reasoning"):
            assert self.types.count(f"{kind}-start") == self.types.count(f"{kind}-end")
        assert self.types.count("start-step") == self.types.count("finish-step")
        return [[*step.values()] for step in steps]


def _shown(chunk: JsonObject) -> tuple[str, str] | None:
    """The part that a chunk belongs to, and what it adds."""
    match chunk["type"]:
        case "reasoning-start":
            return str(chunk["id"]), "(thinks) "
        case "text-delta" | "reasoning-delta":
            return str(chunk["id"]), str(chunk["delta"])
        case "tool-input-available":
            return str(chunk["toolCallId"]), f"{chunk['toolName']}:"
        case "tool-output-available" | "tool-output-error":
            return str(chunk["toolCallId"]), str(chunk.get("output", "failed"))
        case "source-url" | "data-chart":
            return str(chunk["type"]), str(chunk.get("url", chunk.get("data")))
        case _:
            return None


def test_an_answer_flows_as_it_is_said() -> None:
    """Text, a tool, text: each part is opened and closed once, between one start and one finish."""
    said = [*texts("Let me", " see. "), LOOK, SEEN, *texts("A river.")]
    shown = Shown().hears(*said).ends(row(*said))
    assert shown.steps == [["Let me see. ", "look:a river", "A river."]]
    assert shown.types == [
        *("start", "start-step", "text-start", "text-delta", "text-delta", "text-end"),
        *("tool-input-available", "tool-output-available", "text-start", "text-delta"),
        *("text-end", "finish-step", "data-turn", "message-metadata", "finish"),
    ]


def test_what_was_missed_comes_with_the_row() -> None:
    """A prefix was received; the rest is in the row."""
    shown = Shown().hears(*texts("Half ")).ends(row(*texts("Half of it."), LOOK, SEEN, *texts("More.")))
    assert shown.steps == [["Half of it.", "look:a river", "More."]]


def test_a_turn_of_another_replica_comes_whole_with_its_row() -> None:
    """No event was received."""
    assert Shown().ends(row(*texts("All of it."))).steps == [["All of it."]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (texts("Once upon"), texts("Once ", "upon a time.")),
        (texts("Once upon a ti"), texts("Once upon a time.")),
        ([*texts("Hm. "), LOOK], [*texts("Hm. "), LOOK_AGAIN, SEEN_AGAIN, *texts("A river.")]),
        ([*texts("Hm. "), LOOK, SEEN, *texts("A")], [*texts("H", "m. "), LOOK_AGAIN, SEEN_AGAIN, *texts("A river.")]),
        ([], texts("Straight.")),
    ],
    ids=["in pieces", "in one", "up to a tool", "behind a tool", "nothing"],
)
def test_an_attempt_that_says_the_same_continues_where_the_first_broke_off(
    first: list[Yielded], second: list[Yielded]
) -> None:
    """Nothing is repeated, and there is one step."""
    shown = Shown().hears(*first).begins_attempt(2).hears(*second).ends(row(*second))
    assert shown.steps == Shown().hears(*second).ends(row(*second)).steps


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (texts("The capital of"), texts("Paris ", "it is.")),
        (texts("Paris, I th"), texts("Paris it is.")),
        (texts("Paris it is, my friend."), texts("Paris it is.")),
        ([*texts("Hm. "), LOOK], texts("Hm. ", "Paris.")),
        ([LOOK, SEEN], [ToolCall("2", "look", {"at": "sky"}), *texts("Clouds.")]),
        (texts("Hm. Well."), [*texts("Hm. "), LOOK, SEEN, *texts("A river.")]),
        ([LOOK, SEEN, *texts("A lake")], [LOOK_AGAIN, SEEN_AGAIN, *texts("A river.")]),
    ],
    ids=["from the start", "in the middle", "shorter", "without the tool", "another tool", "a tool now", "behind it"],
)
def test_an_attempt_that_differs_gets_a_step_of_its_own(first: list[Yielded], second: list[Yielded]) -> None:
    """The last step is the complete answer."""
    shown = Shown().hears(*first).begins_attempt(2).hears(*second).ends(row(*second))
    assert len(shown.steps) == 2
    assert shown.steps[-1:] == Shown().hears(*second).ends(row(*second)).steps


def test_a_tool_that_was_broken_off_does_not_wait_for_ever() -> None:
    """In the step that nothing follows in."""
    shown = Shown().hears(LOOK).begins_attempt(2).hears(*texts("Done.")).ends(row(*texts("Done.")))
    assert shown.steps == [["look:failed"], ["Done."]]


def test_an_apology_stands_in_a_step_of_its_own() -> None:
    """Whatever the attempts had begun to say."""
    shown = Shown().hears(*texts("The capi")).ends(row(*texts("Sorry."), status="failed"))
    assert shown.steps == [["The capi"], ["Sorry."]]
    assert shown.types[-1] == "finish"


def test_a_cancelled_answer_is_aborted_with_what_was_said() -> None:
    """`abort`, and then the end."""
    shown = Shown().hears(*texts("The capi")).ends(row(*texts("The capi"), status="cancelled"))
    assert shown.steps == [["The capi"]]
    assert shown.types[-2:] == ["abort", "finish"]


def test_an_answer_that_was_taken_back_ends_where_it_was() -> None:
    """`rollback`: nothing can be taken back, but nothing is added."""
    shown = Shown().hears(*texts("The capi")).ends(row(status="cancelled", deleted=True))
    assert shown.steps == [["The capi"]]


def test_results_of_no_call_are_left_out() -> None:
    """AI SDK fails on a stream that contains one; the row has none either."""
    shown = Shown().hears(SEEN, *texts("Hm.")).ends(row(SEEN, *texts("Hm.")))
    assert shown.steps == [["Hm."]]


def test_text_is_cleaned_as_the_row_is() -> None:
    """NUL and unpaired surrogates, which JSON could not hold, are removed."""
    said = texts("a\0b", "\ud83d", "c")
    assert Shown().hears(*said).ends(row(*said)).steps == [["ab\ufffdc"]]


THOUGHT = [ReasoningDelta("Hm, "), ReasoningDelta("birds.")]
PAGE = Citation("https://example.com")


def test_reasoning_flows_in_parts_of_its_own() -> None:
    """It is opened and closed like text."""
    said = [*THOUGHT, *texts("A heron."), ReasoningDelta("Sure?"), *texts("Yes.")]
    shown = Shown().hears(*said).ends(row(*said))
    assert shown.steps == [["(thinks) Hm, birds.", "A heron.", "(thinks) Sure?", "Yes."]]
    assert Shown().ends(row(*said)).steps == shown.steps


@pytest.mark.parametrize("broken_off", range(1, 5))
def test_reasoning_that_is_repeated_is_shown_once(broken_off: int) -> None:
    """Wherever the first attempt ended."""
    said = [*THOUGHT, *texts("A heron."), LOOK]
    again = [ReasoningDelta("Hm, birds."), *texts("A ", "heron."), LOOK, SEEN]
    shown = Shown().hears(*said[:broken_off]).begins_attempt(2).hears(*again).ends(row(*again))
    assert shown.steps == [["(thinks) Hm, birds.", "A heron.", "look:a river"]]


def test_other_reasoning_starts_over() -> None:
    """The last step is the answer."""
    again = [ReasoningDelta("Birds!"), *texts("A heron.")]
    shown = Shown().hears(*THOUGHT, *texts("A")).begins_attempt(2).hears(*again).ends(row(*again))
    assert shown.steps == [["(thinks) Hm, birds.", "A"], ["(thinks) Birds!", "A heron."]]


def test_whole_parts_are_shown_once_and_do_not_split_the_text() -> None:
    """Also if another attempt repeats them, or only the row has them."""
    said: list[Yielded] = [*texts("A her"), PAGE, DataPart("chart", 1), *texts("on.")]
    whole = [["A heron.", "https://example.com", "1"]]
    assert Shown().hears(*said).ends(row(*said)).steps == whole
    assert Shown().hears(*said[:2]).begins_attempt(2).hears(*said).ends(row(*said)).steps == whole
    assert Shown().hears(*texts("A heron.")).ends(row(*said)).steps == whole


def test_a_part_that_was_replaced_starts_no_step() -> None:
    """AI SDK replaces it in place, by its id."""
    said: list[Yielded] = [DataPart("chart", 1, "one"), DataPart("chart", 2, "one"), *texts("Two.")]
    shown = Shown().hears(*said).ends(row(*said))
    assert [chunk["data"] for chunk in shown.chunks if chunk["type"] == "data-chart"] == [1, 2]
    assert shown.types.count("start-step") == 1


def test_a_part_that_the_answer_lacks_stays_in_the_step_before() -> None:
    """Only the last step is the answer."""
    shown = Shown().hears(*texts("A"), PAGE).begins_attempt(2).hears(*texts("A")).ends(row(*texts("A")))
    assert shown.steps == [["A", "https://example.com"], ["A"]]


def test_the_input_of_a_tool_is_shown_as_it_is_written() -> None:
    """`tool-input-start`, its pieces, and then the whole input under the same id."""
    said: list[Yielded] = [ToolInputDelta("1", "look", '{"at":'), ToolInputDelta("1", "look", '"map"}'), LOOK, SEEN]
    shown = Shown().hears(*said).ends(row(LOOK, SEEN))
    assert shown.types[2:7] == [
        *("tool-input-start", "tool-input-delta", "tool-input-delta"),
        *("tool-input-available", "tool-output-available"),
    ]
    assert {chunk["toolCallId"] for chunk in shown.chunks if "toolCallId" in chunk} == {"1"}


def test_an_input_that_was_broken_off_does_not_wait_for_ever() -> None:
    """Its tool is marked as failed."""
    shown = Shown().hears(*texts("Hm."), ToolInputDelta("1", "look", "{"))
    shown.begins_attempt(2).hears(*texts("Hm.")).ends(row(*texts("Hm.")))
    assert "tool-output-error" in shown.types


def test_the_status_is_sent_but_not_kept() -> None:
    """A transient part, once for each change."""
    shown = (
        Shown()
        .hears(Status("Searching"), Status("Searching"), Status("Reading"), *texts("Hm."))
        .ends(row(*texts("Hm.")))
    )
    statuses = [chunk for chunk in shown.chunks if chunk["type"] == "data-status"]
    assert [(chunk["data"], chunk["transient"]) for chunk in statuses] == [
        ({"turnId": str(TURN), "text": "Searching"}, True),
        ({"turnId": str(TURN), "text": "Reading"}, True),
    ]
