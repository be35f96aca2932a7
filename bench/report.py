"""The tables that people read."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from bench.results import Level, Pace, Report

WIDTH = 100


def show(report: Report) -> None:
    """Prints it on standard output."""
    console = Console(width=WIDTH, highlight=False)
    for table in (_speed(report), _latency(report), _lengths(report), _idle(report), _targets(report)):
        console.print(table)
    machine = report.machine
    console.print(
        f"{machine.cpus} CPUs, Python {machine.python}, PostgreSQL {machine.postgres}, {machine.durability}; "
        f"{report.seconds:.0f} s. Ratios are medians of the rounds' own."
    )


def new_table(title: str, *columns: str) -> Table:
    """A table whose first column is words and the others numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _speed(report: Report) -> Table:
    driver = report.machine.ceiling_driver
    table = new_table(
        "Turns a second", "sessions", f"{driver} (a)", "bare loop (b)", "Turngate (c)", "c ÷ b", "c ÷ a", "b ÷ a"
    )
    for level in report.levels:
        speeds = [one.turns_per_s for one in (level.ceiling, level.bare, level.gateway)]
        bare_to_ceiling = level.bare.turns_per_s / level.ceiling.turns_per_s
        ratios = (level.speed_to_bare, level.speed_to_ceiling, bare_to_ceiling)
        table.add_row(
            str(level.sessions), *(f"{speed:,.0f}" for speed in speeds), *(f"{ratio:.2f}" for ratio in ratios)
        )
    return table


def _latency(report: Report) -> Table:
    driver = report.machine.ceiling_driver
    title = "Milliseconds from send to reply row, p50 / p99"
    table = new_table(title, "sessions", f"{driver} (a)", "bare loop (b)", "Turngate (c)", "c ÷ b, p50", "c ÷ b, p99")
    for level in report.levels:
        table.add_row(str(level.sessions), *_paces(level), f"{level.p50_to_bare:.2f}", f"{level.p99_to_bare:.2f}")
    return table


def _paces(level: Level) -> tuple[str, ...]:
    return tuple(_pace(one) for one in (level.ceiling, level.bare, level.gateway))


def _pace(one: Pace) -> str:
    return f"{one.p50_ms:.2f} / {one.p99_ms:.2f}"


def _lengths(report: Report) -> Table:
    table = new_table("A turn in a long session", "messages", "p50 ms", "p99 ms", "to the shortest")
    for length in report.lengths:
        table.add_row(f"{length.messages:,}", f"{length.p50_ms:.2f}", f"{length.p99_ms:.2f}", f"{length.ratio:.2f}")
    return table


def _idle(report: Report) -> Table:
    table = new_table("Memory of the gateway with idle sockets", "sockets", "resident MB", "KB per socket")
    for one in report.idle:
        per_socket = f"{one.per_socket / 1024:.1f}" if one.sockets else ""
        table.add_row(f"{one.sockets:,}", f"{one.resident / 1024 / 1024:.1f}", per_socket)
    return table


def _targets(report: Report) -> Table:
    table = new_table("Targets", "", "measured", "target", "")
    for target in report.targets:
        verdict = "reached" if target.reached else "missed"
        table.add_row(target.name, f"{target.measured:.2f}", f"{target.relation} {target.limit:g}", verdict)
    return table
