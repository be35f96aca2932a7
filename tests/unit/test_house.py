"""The layout of the code."""

from __future__ import annotations

from pathlib import Path

from bench.house import look


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Neither at run time nor for types: `python -m bench house` names the cycle."""
    assert look(Path(__file__).parents[2]).circle == ()
