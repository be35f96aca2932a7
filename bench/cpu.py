"""Processor time of running processes, in seconds, from Linux's /proc; not available elsewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """The processor time of the three parties of a measurement."""

    server: float
    postgres: float
    client: float

    def __sub__(self, earlier: Spent) -> Spent:
        return Spent(self.server - earlier.server, self.postgres - earlier.postgres, self.client - earlier.client)

    def per(self, turns: int) -> Spent:
        """Microseconds per turn."""
        each = 1_000_000 / turns
        return Spent(self.server * each, self.postgres * each, self.client * each)

    @property
    def total(self) -> float:
        """The sum of all three."""
        return self.server + self.postgres + self.client


def spent(server: int, postmaster: int, client: int) -> Spent:
    """By the processes' ids; Postgres with all its backends, including ended ones."""
    return Spent(own(server), family(postmaster), own(client))


def own(pid: int) -> float:
    """Seconds of a process without its children."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S if fields else 0.0


def family(pid: int) -> float:
    """Seconds of a process and its children, including ended ones."""
    fields = _fields(pid)
    if not fields:
        return 0.0
    ended = (int(fields[13]) + int(fields[14])) / TICKS_PER_S
    return own(pid) + ended + sum(own(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    others = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [other for other in others if (fields := _fields(other)) and int(fields[1]) == pid]


def _fields(pid: int) -> list[str]:
    """The fields after the name, which may contain anything; the first is the state (proc_pid_stat(5), field 3)."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []
