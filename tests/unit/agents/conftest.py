"""Agents that are looked for in the current folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def own_path() -> Iterator[None]:
    """What a test adds to the path that modules are imported from is taken away after it."""
    before = sys.path.copy()
    yield
    sys.path[:] = before
