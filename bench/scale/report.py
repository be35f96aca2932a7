"""The tables that people read."""

from __future__ import annotations

from rich.console import Console

from bench.report import WIDTH, new_table
from bench.scale.run import ScaleReport


def show(report: ScaleReport) -> None:
    """Prints it on standard output."""
    console = Console(width=WIDTH, highlight=False)
    sizes = [f"{size.sessions:,} sessions" for size in (report.small, report.big)]
    timings = new_table("Milliseconds of an HTTP call, p50", "", *sizes, "ratio", "target", "")
    for one in report.timings:
        verdict = "" if one.limit is None else "reached" if one.reached else "missed"
        limit = "" if one.limit is None else f"≤ {one.limit:g}"
        timings.add_row(one.name, f"{one.small_ms:.2f}", f"{one.big_ms:.2f}", f"{one.ratio:.2f}", limit, verdict)
    console.print(timings)
    megabytes = ", ".join(f"{name} {held / 1024 / 1024:,.0f} MB" for name, held in report.bytes.items())
    console.print(f"{report.big.messages:,} messages: {megabytes}.")
    for scan in report.scans:
        console.print(f"A sequential scan over {scan}")
    console.print(
        f"{report.plans} plans looked at, {len(report.scans)} of them with a sequential scan over sessions or messages. "
        f"PostgreSQL {report.postgres}; loaded in {report.load_s:.0f} s, all in {report.seconds:.0f} s."
    )
