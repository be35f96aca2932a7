"""Continues turns that nobody owns, such as those whose question was just answered."""

from __future__ import annotations

from collections.abc import Callable


class Resumption:
    """Asks for a sweep, which claims them. Who sweeps is built later, around the runner."""

    def __init__(self) -> None:
        self._sweep: Callable[[], None] | None = None

    def sweeps_with(self, sweep: Callable[[], None]) -> None:
        """Sets what is called; it must not block."""
        self._sweep = sweep

    def soon(self) -> None:
        """Continues them here, if this replica sweeps by now; otherwise another one finds them a little later."""
        if self._sweep is not None:
            self._sweep()
