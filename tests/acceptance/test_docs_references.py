"""What the README and docs name exists: pages, files, commands, metrics, log events."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import chain
from urllib.parse import urlsplit

import pytest
from prometheus_client import REGISTRY

import gateway.core.measuring.metrics  # noqa: F401 - makes the metrics
from tests.acceptance.pages import NAMES, ROOT, anchors, inline_code, links, text_of
from tests.acceptance.shown_commands import commands_in, complaint_about

ROOMS = "bench|channels|clients|docs|examples|gateway|migrations|scheduler|storage|tests|turngate"
FILE = re.compile(rf"({ROOMS})/[\w./-]+")
COMMAND = re.compile(r"(turngate|make) [a-z][^…|]*")
MACHINE = re.compile(r"/(home|root|Users|work|workspace|mnt)/|\b(10|192\.168|172\.(1[6-9]|2\d|3[01]))(\.\d+){2,3}\b")
OPERATIONS = "docs/operations.md"
PACKAGES = ("clients/web/package.json", "tests/fakes/model_api/package.json", "tests/ai_sdk/package.json")
MADE_BY_MAKE_WEB = "gateway/api/static"


@pytest.mark.parametrize("page", NAMES)
def test_links_lead_somewhere(page: str) -> None:
    """A relative link leads to an existing file and heading."""
    assert [link for link in links(page) if not urlsplit(link).scheme and not _leads_somewhere(page, link)] == []


def _leads_somewhere(page: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(target.relative_to(ROOT).as_posix())


@pytest.mark.parametrize("page", NAMES)
def test_files_that_are_named_exist(page: str) -> None:
    """By their path from the project's root."""
    named = [code for code in inline_code(page) if FILE.fullmatch(code) and not code.startswith(MADE_BY_MAKE_WEB)]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", NAMES)
def test_commands_in_sentences_exist(page: str) -> None:
    """Also those that no block runs or shows."""
    shown = [command for code in inline_code(page) if COMMAND.fullmatch(code) for command in commands_in(code)]
    assert [wrong for command in shown if (wrong := complaint_about(command))] == []


@pytest.mark.parametrize("page", NAMES)
def test_no_page_names_a_machine(page: str) -> None:
    """No personal folder, no address of a private network."""
    assert [found[0] for found in MACHINE.finditer(text_of(page))] == []


def test_every_metric_is_explained() -> None:
    """By its name in Prometheus; and no page explains another."""
    families = [family for family in REGISTRY.collect() if family.name.startswith("turngate_")]
    counted = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert counted == set(re.findall(r"^\| `(turngate_\w+)`", text_of(OPERATIONS), re.MULTILINE))


def test_every_dependency_has_its_reason() -> None:
    """In docs/why.md, by its name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()]
    python = [name for name in chain(project["project"]["dependencies"], *groups) if isinstance(name, str)]
    node = [
        name for path in PACKAGES for kind, names in _package(path).items() if "ependencies" in kind for name in names
    ]
    names = [re.split(r"[\[<>=]", name.rpartition("/")[2])[0] for name in (*python, *node)]
    reasons = text_of("docs/why.md").lower()
    assert [name for name in names if name != project["project"]["name"] and name not in reasons] == []


def _package(path: str) -> dict[str, dict[str, str]]:
    package: dict[str, dict[str, str]] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return package


def test_every_documented_log_event_is_logged() -> None:
    """The code logs an event of that name."""
    table = text_of(OPERATIONS).partition("## Logs")[2].partition("\n## ")[0]
    events = [
        event for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for event in re.findall(r"`(\w+)`", row)
    ]
    code = "".join(
        file.read_text(encoding="utf-8") for room in ROOMS.split("|") for file in (ROOT / room).rglob("*.py")
    )
    assert events
    assert [event for event in events if f'"{event}"' not in code] == []
