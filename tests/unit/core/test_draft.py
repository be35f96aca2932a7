"""An attempt's events, as content and parts."""

from __future__ import annotations

import pytest

from gateway.core.events import (
    AgentEvent,
    Citation,
    DataPart,
    FilePart,
    Handoff,
    ReasoningDelta,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    UsageReport,
    WholePart,
)
from gateway.core.model import Usage
from gateway.core.turns.draft import Draft
from gateway.errors import AgentError


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


def test_what_postgres_cannot_store_is_left_out() -> None:
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


def test_reasoning_is_a_part_and_not_the_answer() -> None:
    """It stands between texts, as tool calls do."""
    said = (ReasoningDelta("Hm, "), ReasoningDelta("birds."), TextDelta("A heron."), ReasoningDelta("Sure?"))
    content, parts = drafted(*said, TextDelta("Yes.")).finish()
    assert content == "A heron.\n\nYes."
    assert [(part["type"], part["text"]) for part in parts] == [
        ("reasoning", "Hm, birds."),
        ("text", "A heron."),
        ("reasoning", "Sure?"),
        ("text", "Yes."),
    ]


def test_reasoning_and_sources_alone_are_no_answer() -> None:
    """The turn is treated like one in which the agent said nothing."""
    assert drafted(ReasoningDelta("Hm."), Citation("https://example.com")).finish() == ("", ())


def test_whole_parts_stand_beside_the_text_without_splitting_it() -> None:
    """In AI SDK's shapes, after the part that they interrupt."""
    content, parts = drafted(
        TextDelta("A her"),
        Citation("https://example.com/heron", "Heron"),
        FilePart("https://example.com/a.png", "image/png", "a.png"),
        DataPart("chart", [1, 2]),
        Handoff("asks for a refund"),
        TextDelta("on."),
    ).finish()
    assert content == "A heron."
    assert parts == (
        {"type": "text", "text": "A heron."},
        {
            "type": "source-url",
            "sourceId": "https://example.com/heron",
            "url": "https://example.com/heron",
            "title": "Heron",
        },
        {"type": "file", "url": "https://example.com/a.png", "mediaType": "image/png", "filename": "a.png"},
        {"type": "data-chart", "data": [1, 2]},
        {"type": "data-handoff", "data": {"reason": "asks for a refund"}},
    )


def test_a_part_with_the_same_key_replaces_the_one_before() -> None:
    """Progress bars and growing tables need it; a page is cited once."""
    page = Citation("https://example.com")
    _, parts = drafted(DataPart("load", 1, "a"), DataPart("load", 2, "a"), DataPart("load", 3), page, page).finish()
    assert [part.get("data", "page") for part in parts] == [2, 3, "page"]


@pytest.mark.parametrize(
    "event",
    [
        Citation("javascript:alert(1)"),
        Citation("data:text/html,hello"),
        FilePart("file:///etc/passwd", "text/plain"),
        FilePart("https://example.com/a b", "text/plain"),
        FilePart("https://[half", "text/plain"),
        FilePart("https://example.com", "an image"),
        DataPart("two words", 1),
    ],
)
def test_a_part_that_clients_cannot_use_is_an_error_of_the_agent(event: WholePart) -> None:
    """It says what was wrong, and another attempt is pointless."""
    with pytest.raises(AgentError, match="The agent yielded") as raised:
        drafted(event)
    assert not raised.value.retryable


def test_what_people_only_watch_is_not_recorded() -> None:
    """The status, and the input of a tool while it is written."""
    said = (Status("Searching\u2026"), ToolInputDelta("c1", "search", '{"q"'), ToolCall("c1", "search", {"q": "heron"}))
    _, parts = drafted(*said).finish()
    assert [part["type"] for part in parts] == ["tool-search"]


def test_everything_beside_the_text_has_a_limit() -> None:
    """A runaway agent uses bounded memory; the answer itself is not touched."""
    draft = drafted(
        *(ReasoningDelta("x" * 60) for _ in range(3)),
        *(DataPart("blob", "y" * 60) for _ in range(3)),
        *(ToolInputDelta("c", "t", "z" * 60) for _ in range(3)),
        TextDelta("short"),
        limit=100,
    )
    content, parts = draft.finish()
    assert (content, draft.closed) == ("short", False)
    assert [len(str(part.get("text", part.get("data")))) for part in parts] == [100, 60, 5]
