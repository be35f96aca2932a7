"""Garbage collection in a running gateway."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gateway.app.running.collection import tune_collection


@pytest.fixture
def as_before() -> Iterator[None]:
    """Restores this process's thresholds; the tests themselves are frozen anyway."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("as_before")
def test_what_was_built_at_the_start_is_not_looked_at_again() -> None:
    """Cycles created afterwards are still collected."""
    tune_collection()
    assert gc.get_freeze_count() > 10_000
    made: list[object] = []
    made.append(made)
    del made
    assert gc.collect() >= 1
