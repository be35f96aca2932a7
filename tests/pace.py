"""How fast the machine that runs the tests is at the moment."""

from __future__ import annotations

import os
import subprocess
import sys

USUAL_S = 0.08
"""Seconds that the work below takes on a core of an ordinary server of 2025 that has nothing else to do."""
SLOW = 1.5
WORK = """
import time
begun = time.perf_counter()
sum(number * number % 7 for number in range(1_000_000))
print(time.perf_counter() - begun)
"""


def slowness() -> float:
    """How many times as long as usual Python takes for the same work, with all cores at it."""
    command = [sys.executable, "-S", "-c", WORK]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(os.cpu_count() or 1)]
    took = [float(process.communicate()[0]) for process in running]
    return sum(took) / len(took) / USUAL_S


def remark(slow: float) -> str | None:
    """One line about a slow machine; None for one that is quick enough."""
    if slow < SLOW:
        return None
    return (
        f"pace: this machine is slow: the same work takes {slow:.1f} times as long as usual (load {os.getloadavg()[0]:.1f} on "
        f"{os.cpu_count()} cores). Waits may run out of time, so look at a failure again on a quiet machine."
    )
