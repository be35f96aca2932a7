"""Parses the README and the pages in docs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md")),
)
FENCED = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is that of its fence."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    """A page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def prose_of(page: str) -> str:
    """A page without its blocks."""
    return FENCED.sub("", text_of(page))


def blocks(*languages: str) -> list[Block]:
    """All blocks of all pages, or those in these languages."""
    found = [block for page in NAMES for block in _blocks(page)]
    return [block for block in found if not languages or block.language in languages]


def _blocks(page: str) -> Iterator[Block]:
    text = text_of(page)
    for match in FENCED.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def inline_code(page: str) -> list[str]:
    """The code between backticks in a page's sentences and tables."""
    return INLINE.findall(prose_of(page))


def links(page: str) -> list[str]:
    """The targets of a page's links and images."""
    return LINK.findall(INLINE.sub("", prose_of(page)))


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = (heading.strip().lower() for heading in HEADING.findall(prose_of(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}
