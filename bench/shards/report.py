"""The tables that people read."""

from __future__ import annotations

from rich.console import Console

from bench.report import WIDTH, new_table
from bench.shards.run import ShardReport


def show(report: ShardReport) -> None:
    """Prints it on standard output."""
    console = Console(width=WIDTH, highlight=False)
    table = new_table("The real schema on two servers, a user on one of them", "", "")
    table.add_row("users on each", " and ".join(map(str, report.users)))
    table.add_row("turns, then lists and pages", f"{report.turns:,}")
    table.add_row("statements on the user's own server", f"{report.statements:,}")
    table.add_row("statements on the other", f"{report.strays:,}")
    table.add_row("users found on a server that isn't theirs", f"{report.foreign:,}")
    console.print(table)
    split = report.split
    months = new_table("The transcript by the month in which a session began", "", "")
    months.add_row("partitions, rows in each", f"{split.partitions}, {split.rows_each:,}")
    months.add_row("partitions that a page of a session reads", f"{split.touched}")
    months.add_row("milliseconds to drop a month", f"{split.drop_s * 1000:,.1f}")
    months.add_row("milliseconds to delete the same rows", f"{split.delete_s * 1000:,.1f}")
    console.print(months)
    skew = new_table("The busiest server, to the average (200,000 users, Zipf 0.8)", "servers", "turns", "users")
    for one in report.skew:
        skew.add_row(str(one.servers), f"{one.turns:.2f}", f"{one.users:.2f}")
    console.print(skew)
    console.print("Unique keys without user or session:", *report.keys, sep="\n  ")
