"""Helpers for long-running commands: writing output as it is produced, and showing progress."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


async def write(pieces: AsyncIterator[bytes], target: BinaryIO) -> None:
    """Writes a document as it is produced."""
    async for piece in pieces:
        target.write(piece)
    target.flush()


@contextmanager
def progress_shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a progress bar on standard error if it is a terminal; yields a function that takes how many of how many are done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
