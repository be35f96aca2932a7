"""What commands print: tables for people, one JSON document for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.core.model import JsonValue

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
NOT_A_TERMINAL = 160
"""Columns of a table that is written to a file or a pipe."""


def print_json(value: JsonValue) -> None:
    """Prints one document to standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Prints a table; `empty` says what could be here and how to add it. Users' texts are printed verbatim."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=NOT_A_TERMINAL)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if table.row_count:
        console.print(table)
    else:
        say(empty)


def say(text: str) -> None:
    """Prints a remark to standard error, which scripts don't parse."""
    typer.echo(text, err=True)


def printable(text: str) -> str:
    """Returns the text on one line, without terminal control characters."""
    return "".join(character if character.isprintable() else " " for character in text)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Returns roughly how long ago, or in how long; a dash for never."""
    if moment is None:
        return "–"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    size = next((f"{round(abs(seconds) / length)} {unit}" for length, unit in UNITS if abs(seconds) >= length), "")
    if not size:
        return "now" if seconds >= 0 else "in a moment"
    return f"{size} ago" if seconds >= 0 else f"in {size}"
