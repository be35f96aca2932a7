"""Shared test code is in conftest.py files and modules with descriptive names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]


def imported(module: Path) -> Iterator[str]:
    """The test modules that a module imports, in any syntax."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_test_module_is_imported() -> None:
    """A test can be renamed, moved or deleted without breaking another."""
    found = [
        f"{module.relative_to(TESTS)} imports {name}"
        for module in TESTS.rglob("*.py")
        for name in imported(module)
        if name.split(".")[0] == "tests" and any(part.startswith("test_") for part in name.split("."))
    ]
    assert found == [], "move what is shared into a conftest.py or a module named for what it holds"
