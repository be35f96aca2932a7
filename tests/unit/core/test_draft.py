"""An attempt's events, as content and parts."""

from __future__ import annotations

from gateway.core.events import AgentEvent, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.model import Usage
from gateway.core.turns.draft import Draft


def drafted(*events: AgentEvent, limit: int = 1000) -> Draft:
    """A draft of these events."""
    draft = Draft(limit)
    for event in events:
        draft.add(event)
    return draft


def test_deltas_become_one_text() -> None:
    """However small the pieces are."""
    assert drafted(TextDelta("he"), TextDelta("llo")).finish() == ("hello", ({"type": "text", "text": "hello"},))


def test_a_tool_call_and_its_result_are_one_part_between_texts() -> None:
    """M-6: in the format of AI SDK's UIMessage."""
    content, parts = drafted(
        TextDelta("before"),
        ToolCall("c1", "search", {"q": "heron"}),
        ToolResult("c1", "search", "a bird"),
        TextDelta("after"),
    ).finish()
    assert content == "before\n\nafter"
    assert parts[1] == {
        "type": "tool-search",
        "toolCallId": "c1",
        "state": "output-available",
        "input": {"q": "heron"},
        "output": "a bird",
    }


def test_a_failed_tool_says_so() -> None:
    """The text of the error is stored."""
    _, parts = drafted(ToolCall("c1", "search", {}), ToolResult("c1", "search", "no network", failed=True)).finish()
    assert (parts[0]["state"], parts[0]["errorText"]) == ("output-error", "no network")


def test_usage_adds_up() -> None:
    """An agent may call its model several times."""
    draft = drafted(UsageReport(Usage(3, 4, "m")), UsageReport(Usage(1, 1)))
    assert draft.usage == Usage(4, 5, "m")


def test_a_reply_beyond_the_limit_is_cut_and_says_so() -> None:
    """A runaway agent uses bounded memory."""
    draft = drafted(TextDelta("x" * 30), TextDelta("y" * 100), limit=50)
    content, _ = draft.finish()
    assert draft.closed
    assert content.startswith("x" * 30 + "y" * 20 + "\n\n[The rest")


def test_what_postgres_cannot_hold_is_left_out() -> None:
    """NUL characters and unpaired surrogates from an agent do not fail the turn."""
    content, _ = drafted(TextDelta("a\0b\ud800c")).finish()
    assert content == "ab\ufffdc"


def test_a_draft_without_events_is_empty() -> None:
    """There are no empty parts."""
    assert drafted(TextDelta("")).finish() == ("", ())


def test_a_long_tool_result_does_not_cost_the_answer() -> None:
    """The result is cut, and the text after it is kept."""
    draft = drafted(ToolCall("c1", "read", {}), ToolResult("c1", "read", "z" * 5000), TextDelta("the answer"))
    content, parts = draft.finish()
    assert content == "the answer"
    assert 0 < len(str(parts[0]["output"])) <= 1000
    assert not draft.closed


def test_endless_tool_calls_are_cut_off() -> None:
    """An agent that never stops calling tools is stopped, and the reply says that it was cut."""
    draft = Draft(1000)
    for number in range(20_000):
        if draft.closed:
            break
        draft.add(ToolCall(f"c{number}", "again", {}))
    assert draft.closed
    assert "cut off" in draft.finish()[0]
