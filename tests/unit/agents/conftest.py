"""Fixtures for agents that are loaded from the current folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def own_path() -> Iterator[None]:
    """Restores the module search path after a test that adds to it."""
    before = sys.path.copy()
    yield
    sys.path[:] = before
