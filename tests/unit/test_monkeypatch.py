"""Tests may set what a process is given from outside, such as its environment, but replace none of the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
REPLACING = frozenset({"setattr", "delattr", "setitem", "delitem"})
"""What `monkeypatch` does beyond `setenv`, `delenv`, `chdir` and `syspath_prepend`."""


def replaced(source: str) -> Iterator[str]:
    """Where a module replaces attributes or items, whatever its `monkeypatch` is called."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) if name in REPLACING:
                yield f"{node.lineno}: {name}"
            case ast.ImportFrom(module="unittest.mock") | ast.Import(names=[ast.alias(name="unittest.mock")]):
                yield f"{node.lineno}: unittest.mock"
            case ast.ImportFrom(module="unittest", names=[ast.alias(name="mock")]):
                yield f"{node.lineno}: unittest.mock"
            case _:
                pass


def test_no_test_replaces_parts_of_the_code() -> None:
    """Use a port, a parameter or a real fault instead, which affects one gateway and not the whole process."""
    found = [
        f"{module.relative_to(TESTS)}:{at}" for module in TESTS.rglob("*.py") for at in replaced(module.read_text())
    ]
    assert found == [], "pass Seams to the gateway (tests/detours.py, tests/clock.py), or cause the fault itself"


def test_it_is_found_under_any_name() -> None:
    """The environment and the working directory may be set."""
    source = (
        "from unittest import mock\npatch.setenv('A', 'b')\npatch.chdir('/')\npatch.setattr(gateway, 'LONG_S', 0)\n"
    )
    assert sorted(replaced(source)) == ["1: unittest.mock", "4: setattr"]
