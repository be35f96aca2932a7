"""The table that people read."""

from __future__ import annotations

from rich.console import Console

from bench.peers.run import PeerReport
from bench.report import WIDTH, new_table


def show(report: PeerReport) -> None:
    """Prints it on standard output."""
    table = new_table(
        "A short message in, its streamed answer out", "", "sessions", "turns/s", "p50 ms", "p99 ms", "its CPU, µs"
    )
    for one in report.paces:
        name = f"{one.name} {one.version}".strip()
        figures = (
            f"{one.pace.turns_per_s:,.0f}",
            f"{one.pace.p50_ms:.1f}",
            f"{one.pace.p99_ms:.1f}",
            f"{one.cpu_us:,.0f}",
        )
        table.add_row(f"{name}; keeps in {one.keeps}", str(one.sessions), *figures)
    Console(width=WIDTH + 20, highlight=False).print(table)
