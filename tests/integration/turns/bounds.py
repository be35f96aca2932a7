"""Checks counts against the bounds of `bench/bounds.toml`."""

from __future__ import annotations

import tomllib

from bench.counts import Counts
from tests.world import ROOT

BOUNDS = tomllib.loads((ROOT / "bench/bounds.toml").read_text("utf-8"))
QUIET = {"heartbeat_s": 60, "ttl_s": 600, "sweep_s": 60, "poll_s": 10, "index_s": 60}
"""Settings of a replica in which nothing but turns happens, however slow the machine is."""
STAND_STILL = "UPDATE chat_sessions SET updated_at = '2100-01-01Z', last_message_at = '2100-01-01Z' RETURNING 1"
"""A session's times never run backwards: no session pauses, and so none is placed in lists' indexes while turns are counted."""
SECONDS_LATER = "UPDATE chat_sessions SET updated_at = now() - interval '5 s', last_message_at = now() - interval '5 s'"
"""The next message or reply falls into a later second than the one before."""


def check(name: str, done: Counts) -> None:
    """Fails if one turn, or one fire, costs more than the bounds of that name allow."""
    measured = {
        "statements": done.statements,
        "commits": done.commits,
        "records": done.records,
        "wal": done.wal,
        "index_writes": done.index_writes,
        "updates_with_index_writes": done.updates - done.hot,
    }
    allowed = BOUNDS[name]
    over = {what: f"{measured[what]:.2f} > {most}" for what, most in allowed.items() if measured[what] > most}
    assert not over, f"{name} costs more than bench/bounds.toml allows: {over}"
