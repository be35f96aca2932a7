"""Applies the diffs of a page to a copy of the code, more strictly than `git apply`: each hunk fits in exactly one place."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.acceptance.pages import ROOT

CODE = ("channels", "docs", "gateway", "migrations", "scheduler", "storage", "turngate")
FILE = re.compile(r"^--- \S+\n\+\+\+ b/(\S+)\n", re.MULTILINE)
HUNK = re.compile(r"^@@ (.*) @@\n", re.MULTILINE)
RANGE = re.compile(r"-\d+(?:,(\d+))? \+\d+(?:,(\d+))?")


def copy_code(folder: Path) -> Path:
    """A copy that a gateway can be started from."""
    for room in CODE:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def apply(diff: str, folder: Path) -> None:
    """Changes the files in `folder`. Fails on a hunk that doesn't fit, and names it."""
    _, *parts = FILE.split(diff)
    for name, hunks in zip(parts[::2], parts[1::2], strict=True):
        _, *pieces = HUNK.split(hunks)
        for header, lines in zip(pieces[::2], pieces[1::2], strict=True):
            _apply_hunk(folder / name, header, lines)


def _apply_hunk(path: Path, header: str, lines: str) -> None:
    old, new = _side(lines, " -"), _side(lines, " +")
    counts = RANGE.fullmatch(header)
    assert counts is not None, f"{path}: {header!r} is no range of lines"
    assert [int(count or 1) for count in counts.groups()] == [old.count("\n"), new.count("\n")], f"{path}: {header}"
    if not old:
        assert not path.exists(), f"{path} is there already"
        path.parent.mkdir(exist_ok=True)
    text = path.read_text(encoding="utf-8") if old else ""
    assert not old or text.count(old) == 1, f"{path} has {text.count(old)} places for:\n{lines}"
    path.write_text(text.replace(old, new) if old else new, encoding="utf-8")


def _side(lines: str, marks: str) -> str:
    return "".join(line[1:] for line in lines.splitlines(keepends=True) if line[0] in marks)
