"""Transcripts as Markdown: no text can end its own message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.api.responses.transcripts import head, inline, paragraph, quoted
from gateway.api.routes.exports import safe_name
from gateway.core.model import AgentName, ChannelName, JsonObject, Message, MessageId, Session, SessionId, UserId

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
WEB = ChannelName("web")


def message(*parts: JsonObject, content: str = "") -> Message:
    """A reply with these parts."""
    ids = (MessageId("s.1"), SessionId("s"), UserId("mia"))
    return Message(*ids, 1, "assistant", content, parts, WEB, None, WHEN)


def session(title: str | None) -> Session:
    """A session with that title."""
    names = (SessionId("s"), UserId("mia"), WEB, AgentName("assistant"))
    return Session(*names, title, True, WHEN, WHEN, None, None, 0, {}, None)


def test_a_transcript_begins_with_its_title() -> None:
    """And names its owner."""
    assert head(session("Plans")) == "# Plans\n\nmia, web, assistant, begun 2026-01-02 03:04 UTC\n"
    assert head(session(None)).startswith("# Untitled\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a [bold](javascript:alert) talk", r"a \[bold\](javascript:alert) talk"),
        ("<b>&amp;", r"\<b\>\&amp;"),
        ("two\nlines\n# and more", r"two lines \# and more"),
        ("`code` *and* _more_", r"\`code\` \*and\* \_more\_"),
    ],
)
def test_a_title_means_nothing_to_markdown(text: str, shown: str) -> None:
    """It remains one line of text."""
    assert inline(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hello", "> hello\n"),
        ("## user, 2026\n\nI said", "> ## user, 2026\n>\n> I said\n"),
        ("<script>x</script>", "> \\<script>x\\</script>\n"),
        ("1 < 2 and <!-- more", "> 1 < 2 and \\<!-- more\n"),
        ("```html\n<b>\n```\n<b>", "> ```html\n> <b>\n> ```\n> \\<b>\n"),
        ("````\n```\n<b>\n````\n<b>", "> ````\n> ```\n> <b>\n> ````\n> \\<b>\n"),
        ("~~~\n<b>\n  ~~~  \n<i>", "> ~~~\n> <b>\n>   ~~~\n> \\<i>\n"),
        ("- x\n  ```\n<script>", "> - x\n>   ```\n> \\<script>\n"),
        ("```not`a fence\n<b>", "> ```not`a fence\n> \\<b>\n"),
        ("a\u2028<b>\rb", "> a\n> \\<b>\n> b\n"),
    ],
)
def test_a_message_is_quoted_line_by_line(text: str, shown: str) -> None:
    """No heading, tag or fence in it affects what follows."""
    assert quoted(text) == shown


def test_tools_are_shown_with_input_and_output() -> None:
    """In fences longer than any inside."""
    part: JsonObject = {"type": "tool-look_up", "input": {"q": "a"}, "output": "```\nend"}
    assert paragraph(message(part, {"type": "text", "text": "There."})) == (
        "\n## assistant, 2026-01-02 03:04 UTC\n\n"
        '**Tool look\\_up**\n\n```\n{\n  "q": "a"\n}\n```\n\nanswered:\n\n````\n```\nend\n````\n\n'
        "> There.\n"
    )


def test_a_tool_that_failed_says_so() -> None:
    """With its error."""
    part: JsonObject = {"type": "tool-x", "input": {}, "errorText": "no such thing"}
    assert "failed:\n\n```\nno such thing\n```" in paragraph(message(part))


def test_other_parts_are_shown_as_data() -> None:
    """As JSON."""
    assert '"data": 1' in paragraph(message({"type": "data-chart", "data": 1}))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("turngate-telegram:42.json", "turngate-telegram-42.json"),
        ('a"b\r\nX: y/../c.md', "a-b-X-y-..-c.md"),
        ("…", "turngate"),
        ("x" * 300 + ".json", "x" * 115 + ".json"),
    ],
)
def test_a_files_name_is_safe(name: str, safe: str) -> None:
    """For headers and for shells."""
    assert safe_name(name) == safe
