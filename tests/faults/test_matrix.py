"""The matrix of docs/reliability.md has 44 rows, and each row's test names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LINE = re.compile(r"^\| (\d+) \|.*\| `([\w./]+\.py)` `(\w+)` \|$", re.MULTILINE)
TEST = re.compile(r"`(test_[a-z0-9_]+)`")
NAMED = re.compile(r"[Rr]ows? ((?:\d+(?:–\d+)?(?:, | and )?)+)")


def matrix() -> list[tuple[int, str, str]]:
    """Row, file and test, as the page lists them."""
    page = (ROOT / "docs" / "reliability.md").read_text()
    return [(int(row), file, test) for row, file, test in LINE.findall(page)]


def rows_named(docstring: str) -> set[int]:
    """The rows that a docstring names: `Row 7`, `Rows 1, 3–7`, `Rows 10 and 31`."""
    found: set[int] = set()
    for names in NAMED.findall(docstring):
        for first, last in re.findall(r"(\d+)(?:–(\d+))?", names):
            found.update(range(int(first), int(last or first) + 1))
    return found


def docstring_of(file: str, test: str) -> str:
    """The test's docstring; fails if there is no such test."""
    path = ROOT / file if "/" in file else ROOT / "tests" / "faults" / file
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == test:
            return ast.get_docstring(node) or ""
    raise AssertionError(f"{path.name} has no {test}")


def test_the_matrix_has_every_row() -> None:
    """No row is missing or repeated."""
    assert [row for row, _, _ in matrix()] == list(range(1, 45))


def test_every_test_on_the_page_exists() -> None:
    """Those of rows without a number, too."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = TEST.findall((ROOT / "docs" / "reliability.md").read_text())
    assert [name for name in named if f"def {name}(" not in tests] == []


@pytest.mark.parametrize(("row", "file", "test"), matrix())
def test_each_row_is_a_test_that_names_it(row: int, file: str, test: str) -> None:
    """The page and the tests agree."""
    assert row in rows_named(docstring_of(file, test))
