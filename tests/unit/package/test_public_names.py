"""The package `turngate`: its names are documented, and docs and examples need no others."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import turngate
import turngate.testing.agents
import turngate.testing.channels
from tests.acceptance.pages import ROOT, blocks, inline_code, text_of
from turngate.testing.case import CaseOf

PAGE = "docs/python.md"
INTERNAL = re.compile(r"^\s*(?:from|import) (gateway|channels|scheduler|storage)\b", re.MULTILINE)
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))


def _tabled(text: str) -> set[str]:
    """The names in the first column of tables."""
    rows = re.findall(r"^\| (`.*?) \| ", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_public_name_is_documented_and_no_other() -> None:
    """The page's tables and `__all__` contain the same names."""
    own, _, testing = text_of(PAGE).partition("\n## Testing\n")
    agents, _, channels = testing.partition("\n### Testing channels\n")
    assert _tabled(own) == set(turngate.__all__)
    assert _tabled(agents) == set(turngate.testing.agents.__all__)
    assert _tabled(channels) == set(turngate.testing.channels.__all__)


@pytest.mark.parametrize(
    ("page", "cases"),
    [("docs/agents.md", turngate.testing.agents.CASES), ("docs/channels.md", turngate.testing.channels.CASES)],
    ids=["agents", "channels"],
)
def test_every_case_is_documented_with_what_it_needs(page: str, cases: Sequence[CaseOf[object, str]]) -> None:
    """The page lists the whole suite."""
    rows = re.findall(r"^\| (`.*?) \|(.*)\|$", text_of(page), re.MULTILINE)
    tabled = {
        name: set(re.findall(r"`(\w+)`", needs)) for names, needs in rows for name in re.findall(r"`(\w+)`", names)
    }
    assert {case.name: set(case.needs) for case in cases}.items() <= tabled.items()


def test_all_names_are_there() -> None:
    """`__all__` is sorted, and each of its names exists."""
    assert list(turngate.__all__) == sorted(turngate.__all__)
    assert [name for name in turngate.__all__ if not hasattr(turngate, name)] == []


def test_docs_need_no_internal_module() -> None:
    """Python blocks import from `turngate`, and the text refers to nothing in the core."""
    assert [str(block) for block in blocks("python") if INTERNAL.search(block.text)] == []
    pages = sorted({block.page for block in blocks()} - {"docs/architecture.md"})
    assert [(page, code) for page in pages for code in inline_code(page) if code.startswith("gateway.core.")] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_need_no_internal_module(example: Path) -> None:
    """Code copied from examples keeps working when internals change."""
    assert INTERNAL.findall(example.read_text(encoding="utf-8")) == []


def test_the_page_names_what_the_wheel_installs(tmp_path: Path) -> None:
    """Each top-level package of a freshly built wheel, with the marker of its types where they are public."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
    packages = {name.split("/")[0] for name in files if not name.startswith(f"turngate-{turngate.__version__}")}
    named = set(re.findall(r"`(\w+)`", text_of(PAGE).partition("## What else is installed")[2].partition("\n- ")[0]))
    assert packages == named | {"turngate"}
    assert {"turngate/py.typed", "gateway/py.typed"} <= set(files)
    starts = (ROOT / "gateway/cli/new_agent").rglob("*.txt")
    assert {start.relative_to(ROOT).as_posix() for start in starts} <= set(files), "`turngate agents new` needs them"
