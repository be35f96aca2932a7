"""How the code is laid out, in counts: files of a folder, lines of modules and functions, circles of imports."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median, quantiles

import grimp
from rich.console import Console

from bench.report import WIDTH, new_table

PACKAGES = ("turngate", "gateway", "channels", "scheduler", "storage")
MANY = 15
"""Files of a folder, beyond which nobody finds the place at a glance."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lines."""

    count: int
    median: float
    p90: float
    longest: int


@dataclass(frozen=True, slots=True)
class House:
    """`full`: folders with more than `MANY` modules. `circle`: modules that import each other, the first as found."""

    folders: int
    full: dict[str, int]
    modules: Lengths
    functions: Lengths
    circle: tuple[str, ...]


def look(root: Path) -> House:
    """Reads the sources below a folder."""
    files = [file for package in PACKAGES for file in sorted((root / package).rglob("*.py"))]
    folders = Counter(file.parent.relative_to(root).as_posix() for file in files if file.name != "__init__.py")
    full = {folder: count for folder, count in folders.most_common() if count > MANY}
    lines = [len(file.read_text().splitlines()) for file in files if file.name != "__init__.py"]
    functions = [length for file in files for length in _functions(file)]
    return House(len(folders), full, _lengths(lines), _lengths(functions), _circle())


def _functions(file: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def _lengths(lines: Sequence[int]) -> Lengths:
    return Lengths(len(lines), median(lines), quantiles(lines, n=10)[-1], max(lines))


def _circle() -> tuple[str, ...]:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as found:
        return tuple(found.args[1])
    return ()


def show(house: House) -> None:
    """Prints it on standard output."""
    console = Console(width=WIDTH, highlight=False)
    table = new_table("Lines", "count", "median", "p90", "longest")
    for name, lengths in (("modules", house.modules), ("functions", house.functions)):
        table.add_row(name, f"{lengths.count:,}", f"{lengths.median:.0f}", f"{lengths.p90:.0f}", f"{lengths.longest}")
    console.print(table)
    full = new_table(f"Folders with more than {MANY} modules, of {house.folders}", "modules")
    for folder, count in house.full.items():
        full.add_row(folder, str(count))
    console.print(full)
    console.print("Imports in a circle:", " → ".join(house.circle) or "none")
