"""The README keeps its form: short, with a start, a picture, the promises and links."""

from __future__ import annotations

import re

from tests.acceptance.pages import NAMES, blocks, links, text_of

README = text_of("README.md")
PROMISES = (
    "A message that was acknowledged to its channel is durable and belongs to one turn",
    "The agent may be called more than once for a turn after a crash or a timeout; one result at most is kept.",
    "A web client sees each message once: it resumes by sequence number, on any replica.",
    "A Telegram send is at least once: a crash or a lost response between the send and its record may repeat one chunk",
    "Nobody but an operator reads or writes another user's data, on any surface.",
    "The cost of a turn does not grow with the length of its session, nor the cost of a list with the number of sessions.",
)


def test_it_is_short() -> None:
    """It has fewer than 200 lines: the rest is in docs."""
    assert len(README.splitlines()) < 200


def test_two_commands_start_it() -> None:
    """Cloning, and `make run`."""
    first = blocks("sh")[0]
    assert first.page == "README.md"
    assert [line.split()[:2] for line in first.text.splitlines()] == [["git", "clone"], ["make", "run"]]


def test_three_lines_point_it_at_a_model() -> None:
    """Below the agent's name."""
    first = next(block for block in blocks("toml") if block.page == "README.md")
    header, *lines = first.text.splitlines()
    assert header == "[agents.assistant]"
    assert [line.split(" = ")[0] for line in lines] == ["kind", "model", "base_url"]


def test_the_promises_are_published() -> None:
    """All six, numbered, in their exact words."""
    section = README.partition("## What it promises")[2].partition("\n## ")[0]
    said = [" ".join(promise.split()) for promise in re.split(r"^\d\. ", section, flags=re.MULTILINE)[1:]]
    assert len(said) == len(PROMISES)
    assert [wanted for wanted, promise in zip(PROMISES, said, strict=True) if not promise.startswith(wanted)] == []


def test_it_leads_to_every_page() -> None:
    """Every page of docs can be reached from it."""
    assert [page for page in NAMES if page.startswith("docs/") and page not in links("README.md")] == []
