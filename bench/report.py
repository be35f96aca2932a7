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
    tables = (_speed, _latency, _work, _cost, _lengths, _idle, _still, _others, _targets)
    for table in tables:
        console.print(table(report))
    for note in report.notes:
        console.print(note)
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


def _work(report: Report) -> Table:
    title = "Microseconds of processor time for a turn"
    table = new_table(
        title, "sessions", "gateway", "its Postgres", "its client", "bare loop", "its Postgres", "its client"
    )
    for level in report.levels:
        spent = [time for work in (level.work, level.bare_work) for time in (work.server, work.postgres, work.client)]
        table.add_row(str(level.sessions), *(f"{time:,.0f}" for time in spent))
    return table


def _cost(report: Report) -> Table:
    title = "What Postgres does for a turn"
    table = new_table(
        title, "sessions", "statements", "commits", "WAL records", "WAL bytes", "index entries", "HOT, of updates"
    )
    for cost in report.costs:
        done = cost.counts
        figures = (f"{done.statements:.1f}", f"{done.commits:.2f}", f"{done.records:.1f}", f"{done.wal:,.0f}")
        table.add_row(str(cost.sessions), *figures, f"{done.index_writes:.1f}", f"{done.hot_ratio:.2f}")
    return table


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


def _still(report: Report) -> Table:
    table = new_table(
        "What a gateway at rest sends to Postgres each second", "sockets", "statements", "commits that write"
    )
    for one in report.still:
        table.add_row(f"{one.sockets:,}", f"{one.statements:.1f}", f"{one.commits:.1f}")
    return table


def _others(report: Report) -> Table:
    pair = report.pair
    table = new_table("Other ways", "", "turns/s", "")
    table.add_row(f"one gateway, {pair.sessions} sessions", f"{pair.one:,.0f}", "")
    busy = f"{pair.busy_cores:.1f} of {report.machine.cpus} cores busy"
    table.add_row("two gateways, half of them each", f"{pair.two:,.0f}", f"{pair.ratio:.2f} of one; {busy}")
    for name, work in (("one", pair.one_work), ("two", pair.two_work)):
        told = f"gateway {work.server:,.0f}, Postgres {work.postgres:,.0f}, client {work.client:,.0f} µs"
        table.add_row(f"processor time of a turn with {name}", "", told)
    allowed = f"{pair.most(report.machine.cpus):.2f} of one, if nothing else ran"
    table.add_row("what processor time allows two", "", allowed)
    later = f"p50 {pair.later.p50_ms:.1f} ms later, p99 {pair.later.p99_ms:.1f} ms"
    table.add_row("replies of one, heard at the other", "", later)
    for one in report.chats:
        took = f"{one.messages:,} messages in {one.seconds:.1f} s"
        table.add_row(f"Telegram, {one.mode}, {one.chats:,} chats", f"{one.messages / one.seconds:,.0f}", took)
    return table


def _targets(report: Report) -> Table:
    table = new_table("Targets", "", "measured", "target", "")
    for target in report.targets:
        verdict = "reached" if target.reached else f"missed by {target.way}"
        table.add_row(target.name, f"{target.measured:.2f}", f"{target.relation} {target.limit:g}", verdict)
    return table
