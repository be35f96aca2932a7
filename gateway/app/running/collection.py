"""Garbage collection for a process that keeps what it has built until its end."""

from __future__ import annotations

import gc

YOUNG = 20_000
"""Objects created and not freed since the last young collection; the default of 700 means one every few turns."""


def tune_collection() -> None:
    """Call once everything is built: excludes modules, settings and routes from later collections, and collects less often.

    Turns create hardly any reference cycles; what they leave is freed at once. A full collection visits every live object, so it
    blocks the event loop the longer, the more sockets are open.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
