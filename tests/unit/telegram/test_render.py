"""Replies become chunks that Telegram accepts, without losing a word."""

import re
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telegramify_markdown.entity import utf16_len

from channels.telegram.sending.render import MAX_ENTITIES, MAX_TEXT, NOTHING_SAID, entities_of, plain, render

WORD = re.compile(r"[^\W_]+")


def text_of(markdown: str) -> str:
    return "".join(chunk.text for chunk in render(markdown))


def links_of(markdown: str) -> list[str]:
    return [entity.url for chunk in render(markdown) for entity in entities_of(chunk) if entity.url]


def kinds_of(markdown: str) -> list[str]:
    return [entity.type for chunk in render(markdown) for entity in entities_of(chunk)]


def assert_sendable(content: str) -> None:
    chunks = render(content)
    assert chunks
    for chunk in chunks:
        assert chunk.text.strip()
        assert utf16_len(chunk.text) <= MAX_TEXT
        assert len(entities_of(chunk)) <= MAX_ENTITIES
        for entity in entities_of(chunk):
            assert entity.offset >= 0
            assert entity.length > 0
            assert entity.offset + entity.length <= utf16_len(chunk.text)


def test_markdown_becomes_text_with_entities() -> None:
    """No markup is left in the text."""
    assert text_of("**bold** and `code`") == "bold and code"
    assert kinds_of("**bold** and `code`") == ["bold", "code"]


def test_code_keeps_its_language() -> None:
    """Telegram shows it and offers to copy."""
    [chunk] = render("```python\nprint(1)\n```")
    assert [(entity.type, entity.language) for entity in entities_of(chunk)] == [("pre", "python")]


@pytest.mark.parametrize("url", ["https://example.com/a?b=c", "http://example.com", "tg://user?id=5", "mailto:a@b.c"])
def test_links_people_can_follow_stay(url: str) -> None:
    """Web, Telegram and mail."""
    assert links_of(f"[here]({url})") == [url]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc"])
def test_links_that_could_run_something_become_text(url: str) -> None:
    """Only their words stay."""
    assert links_of(f"[here]({url})") == []
    assert text_of(f"[here]({url})") == "here"


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("[notes](docs/a.md)", "notes (docs/a.md)"),
        ("[docs/a.md](docs/a.md)", "docs/a.md"),
        ("![**](<b>)", "🖼** (b)"),
        ("[files](ftp://a.b/c)", "files (ftp://a.b/c)"),
        ("[odd](http://[)", "odd (http://[)"),
    ],
)
def test_where_other_links_lead_is_written(markdown: str, text: str) -> None:
    """Telegram cannot link it, and it may be what the answer is about."""
    assert (text_of(markdown), links_of(markdown)) == (text, [])


def test_what_is_formatted_stays_so_beside_written_targets() -> None:
    """What comes after a target moves, and what a link stands in grows, by UTF-16 code units."""
    [chunk] = render("**😀 [x](a.md) y** [z](b.md) `code`")
    text = chunk.text.encode("utf-16-le")
    entities = [
        (e.type, text[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le")) for e in entities_of(chunk)
    ]
    assert sorted(entities) == [("bold", "😀 x (a.md) y"), ("code", "code")]


@pytest.mark.parametrize(
    "markdown",
    [
        "a <b>bold</b> move",
        "<div>\nfirst <i>second</i>\n</div>",
        "<details><summary>more</summary>\n\nhidden\n</details>",
        "<!-- a note\nof two lines -->",
        "<script>alert(1)</script>",
        "if a<b and c>d",
    ],
)
def test_literal_html_is_shown_as_it_is(markdown: str) -> None:
    """The converter would drop it; people ask agents about HTML."""
    assert text_of(markdown) == markdown


def test_html_in_code_is_left_alone() -> None:
    """No backslash is added."""
    assert text_of("`<b>` and\n\n```\n<div>\n```") == "<b> and\n\n<div>"


@pytest.mark.parametrize(
    "markdown", ["[unused]: http://example.com", '[a](http://b.c "a title")', "| a | [b](http://c.d) |\n|-|-|"]
)
def test_what_formatting_would_lose_is_sent_as_written(markdown: str) -> None:
    """Unformatted is better than incomplete."""
    assert Counter(WORD.findall(markdown)) <= Counter(WORD.findall(text_of(markdown) + " ".join(links_of(markdown))))


def test_formulas_become_unicode() -> None:
    """Telegram has no formulas."""
    assert text_of(r"so \(\alpha \leq \beta\) holds") == "so \u03b1 \u2264 \u03b2 holds"


def test_numbered_lists_keep_formatting() -> None:
    """Markdown renumbers them, which loses no word."""
    assert text_of("1. **a**\n1. b").split() == ["1.", "a", "2.", "b"]


@pytest.mark.parametrize("content", ["", " \n ", "\0", "\u200b"])
def test_an_empty_reply_says_so(content: str) -> None:
    """Telegram rejects empty messages, and silence would look like a fault."""
    assert [chunk.text for chunk in render(content)] == [NOTHING_SAID]


def test_a_long_reply_is_split_at_line_ends() -> None:
    """Nothing is cut unnecessarily."""
    line = "word " * 20 + "\n"
    chunks = render(line * 200)
    assert len(chunks) > 1
    assert all(chunk.text.endswith("\n") for chunk in chunks[:-1])


def test_lengths_count_in_utf16() -> None:
    """An emoji is two units."""
    chunks = render("😀" * 4096)
    assert [utf16_len(chunk.text) for chunk in chunks] == [4096, 4096]


def test_a_chunk_has_no_more_entities_than_telegram_keeps() -> None:
    """A text with more is split again, into few pieces."""
    chunks = render("**a** " * 150)
    assert [len(entities_of(chunk)) for chunk in chunks] == [75, 75]


def test_notices_are_not_formatted() -> None:
    """A title may contain asterisks."""
    assert [chunk.text for chunk in plain("**so** it is")] == ["**so** it is"]


def test_a_huge_reply_is_split_in_no_time_and_keeps_every_character() -> None:
    """A megabyte is sent as plain text."""
    content = "".join(f"line {number} of **many**\n" for number in range(40_000))
    assert text_of(content) == content


MARKS = ["**", "*", "_", "`", "```\n", "~~", "||", "<b>", "</b>", "<div>\n", "<!--", "-->", "[", "](", ")", "# ", "> "]
MORE_MARKS = [
    "- ",
    "1. ",
    "| ",
    "|-|\n",
    "\n",
    "\n\n",
    "\\",
    "$",
    "$$",
    "\\(",
    "\\)",
    "&amp;",
    "&",
    "![",
    "[x] ",
    "[^1]",
]
WORDS = [
    "word",
    "Ωμέγα",
    "语言",
    "😀",
    "\u200b",
    "\t",
    "    ",
    "http://a.b/c",
    "javascript:x",
    "\\frac{a}{b}",
    "\0",
    "x" * 500,
]
PIECES = st.sampled_from([*MARKS, *MORE_MARKS, *WORDS])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=20), max_size=40).map("".join))
def test_any_reply_is_sendable(content: str) -> None:
    """Whatever an agent writes, each chunk is within the limits and its entities within the text."""
    assert_sendable(content)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES.filter(lambda piece: "\\" not in piece and "$" not in piece), max_size=60).map("".join))
@example("![**](<b>)")
def test_any_reply_keeps_its_words(content: str) -> None:
    """Words are in the text or in its links; formulas and list numbers, which are rewritten, are not compared."""
    markdown = re.sub(r"javascript:x|\d+\.|\[x\]|&amp;|&|\0", " ", content)
    kept = text_of(markdown) + " " + " ".join(links_of(markdown))
    kept += " ".join(entity.language or "" for chunk in render(markdown) for entity in entities_of(chunk))
    assert set(WORD.findall(markdown)) <= set(WORD.findall(kept)) | {NOTHING_SAID}


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12_000))
def test_plain_text_is_kept_character_by_character(content: str) -> None:
    """Splitting only drops invisible characters."""
    joined = "".join(chunk.text for chunk in plain(content))
    assert joined == content.replace("\0", "") or joined == NOTHING_SAID
