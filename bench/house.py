"""Figures of the code: modules of a folder, lines, circles of imports, the cost of an idle replica, the time of the tests."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median, quantiles

import grimp
from rich.console import Console

from bench.report import WIDTH, new_table
from bench.rest import alone
from bench.results import AtRest

PACKAGES = ("turngate", "gateway", "channels", "scheduler", "storage")
MANY = 15
"""Files of a folder, beyond which nobody finds the place at a glance."""
LONG_MODULE, LONG_FUNCTION = 300, 40
"""Lines, beyond which it is worth asking whether there is more than one story."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lines of modules or functions, modules of folders."""

    count: int
    median: float
    p90: float
    longest: int


@dataclass(frozen=True, slots=True)
class House:
    """`full`: folders with more than `MANY` modules. `long`: lines of long modules and functions. `circle`: modules that import each other."""

    folders: Lengths
    full: dict[str, int]
    modules: Lengths
    functions: Lengths
    long: dict[str, int]
    circle: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """`took`: seconds of `make` targets when they last succeeded here. `at_rest`: None when it was not measured."""

    house: House
    took: dict[str, int]
    at_rest: AtRest | None


async def figures(root: Path, folder: Path, seconds: float) -> Figures:
    """Measures an idle replica for so many seconds, or not at all for 0."""
    at_rest = await alone(folder, seconds) if seconds else None
    return Figures(look(root), _took(root / "build" / "took"), at_rest)


def _took(folder: Path) -> dict[str, int]:
    return {file.name: int(file.read_text()) for file in sorted(folder.glob("*"))}


def look(root: Path) -> House:
    """Reads the sources below a folder."""
    files = [file for package in PACKAGES for file in sorted((root / package).rglob("*.py"))]
    folders = Counter(file.parent.relative_to(root).as_posix() for file in files if file.name != "__init__.py")
    full = {folder: count for folder, count in folders.most_common() if count > MANY}
    named = {file.relative_to(root).as_posix(): file for file in files}
    modules = {name: len(file.read_text().splitlines()) for name, file in named.items() if file.name != "__init__.py"}
    functions = [
        (f"{name} {function}", length) for name, file in named.items() for function, length in _functions(file)
    ]
    long = _beyond(LONG_MODULE, modules.items()) | _beyond(LONG_FUNCTION, functions)
    lengths = _lengths([length for _, length in functions])
    return House(_lengths(list(folders.values())), full, _lengths(list(modules.values())), lengths, long, _circle())


def _functions(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _beyond(limit: int, lengths: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The longest first."""
    return dict(sorted(((name, length) for name, length in lengths if length > limit), key=lambda pair: -pair[1]))


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


def show(figures: Figures) -> None:
    """Prints them on standard output."""
    house = figures.house
    console = Console(width=WIDTH, highlight=False)
    table = new_table("Length", "count", "median", "p90", "longest")
    rows = (
        ("folders, in modules", house.folders),
        ("modules, in lines", house.modules),
        ("functions, in lines", house.functions),
    )
    for name, lengths in rows:
        table.add_row(name, f"{lengths.count:,}", f"{lengths.median:.0f}", f"{lengths.p90:.0f}", f"{lengths.longest}")
    console.print(table)
    _list(console, f"Folders with more than {MANY} modules, of {house.folders.count}", house.full)
    _list(console, f"Modules over {LONG_MODULE} lines, functions over {LONG_FUNCTION}", house.long)
    console.print("Imports in a circle:", " → ".join(house.circle) or "none")
    if (rest := figures.at_rest) is not None:
        console.print(f"An idle replica: {rest.statements:.2f} statements/s, {rest.cores:.2%} of a core")
    for target, seconds in figures.took.items():
        console.print(f"make {target}: {seconds} s when it last succeeded here")


def _list(console: Console, title: str, counts: Mapping[str, int]) -> None:
    console.print(f"{title}: {'' if counts else 'none'}")
    for name, count in counts.items():
        console.print(f"  {count:>4}  {name}")
