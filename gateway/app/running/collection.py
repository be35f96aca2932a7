"""Garbage collection for a process that keeps what it has built until its end."""

from __future__ import annotations

import gc

YOUNG = 20_000
"""Objects made and not freed since the last look at the young ones; by default 700, which is a look every few turns."""


def tune_collection() -> None:
    """Once all is built: leaves modules, settings and routes out of every later look, and looks less often.

    Turns make hardly any reference cycles; what they leave is freed at once. A full look goes through all that lives, so it
    holds the event loop up the longer, the more sockets are open.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
