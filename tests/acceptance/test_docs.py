"""Every block of the README and of docs is run, loaded or looked up.

`bash` and the commands of `console` run, page by page, against a gateway in a process of its own; `python` runs; `toml` is
loaded as settings; `json` is parsed; `diff` is applied in tests/acceptance/test_worked_examples.py; `js` runs in tests/acceptance/test_docs_ai_sdk.py; `sql` prepares a fresh server for
the gateway, or is migrated to by tests/faults/test_deploy.py. `sh` shows what a test can't do, such as cloning or serving without end: there the commands, options and settings
have to exist. `text` and `mermaid` are pictures.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from gateway.config import load_settings
from storage.embedded import embedded_postgres
from tests.acceptance.pages import ROOT, Block, blocks
from tests.acceptance.shown_commands import commands_in, complaint_about, settings_in
from tests.conftest import on_database
from tests.world import World

pytestmark = pytest.mark.acceptance

ELSEWHERE = "docs/fake-bot-api.md"
"""Runs against the fake Bot API instead of a gateway, in tests/unit/fake_bot_api/test_docs.py."""
CHECKED = frozenset({"bash", "console", "diff", "html", "js", "json", "mermaid", "python", "sh", "sql", "text", "toml"})
DOCUMENTED_PLACE = "127.0.0.1:8080"
ORIGIN = "https://www.example.com"
PATIENCE_S = 120


def _of(*languages: str) -> list[Block]:
    return [block for block in blocks(*languages) if block.page != ELSEWHERE]


def _scripts() -> Mapping[str, str]:
    scripts: dict[str, str] = {}
    for block in _of("bash", "console"):
        scripts[block.page] = scripts.get(block.page, "") + _typed(block) + "\n"
    return scripts


def _typed(block: Block) -> str:
    """What a person types: a script as a whole; of a console, the text after `$`, with continuation lines."""
    if block.language == "bash":
        return block.text
    return "\n".join(re.findall(r"^\$ ((?:.*\\\n)*.*)$", block.text, re.MULTILINE))


SCRIPTS = _scripts()


async def _run(folder: Path, variables: Mapping[str, str], *command: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **variables}
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT)
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, output.decode()


def test_every_block_is_of_a_checked_kind() -> None:
    """No test would check a block in another language, or in none."""
    assert [f"{block}: {block.language or 'no language'}" for block in blocks() if block.language not in CHECKED] == []


@pytest.mark.parametrize("page", SCRIPTS)
async def test_shell_blocks_run(page: str, world: World, tmp_path: Path) -> None:
    """One after another, as written, from an empty folder; `BASE` and `TOKEN` are set for pages that need them."""
    process = await world.process(TURNGATE_WEB__ALLOWED_ORIGINS=json.dumps([ORIGIN]), TURNGATE_WEB__ANONYMOUS="true")
    mia = await world.person("mia", process.url)
    variables = {
        "BASE": process.url,
        "TOKEN": mia.token,
        "TURNGATE_DATABASE_URL": world.database_url,
        "TURNGATE_DATA_DIR": str(tmp_path / "gateway"),
    }
    folder = tmp_path / "shell"
    folder.mkdir()
    script = SCRIPTS[page].replace(DOCUMENTED_PLACE, process.url.removeprefix("http://"))
    await _run(folder, variables, "bash", "-euo", "pipefail", "-xc", script)


@pytest.mark.parametrize("block", _of("python"), ids=str)
async def test_python_blocks_run(block: Block, tmp_path: Path) -> None:
    """Each by itself, from an empty folder."""
    await _run(tmp_path, {}, sys.executable, "-W", "error", "-c", block.text)


@pytest.mark.parametrize("block", _of("toml"), ids=str)
def test_toml_blocks_are_settings(block: Block, tmp_path: Path) -> None:
    """None contains an unknown or impossible setting."""
    file = tmp_path / "turngate.toml"
    file.write_text(block.text, encoding="utf-8")
    load_settings(file)


@pytest.mark.parametrize("block", _of("json"), ids=str)
def test_json_blocks_are_json(block: Block) -> None:
    """Comments and dots are removed first."""
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_shown_commands_exist(block: Block) -> None:
    """The options and targets shown with them exist, too."""
    assert [wrong for command in commands_in(block.text) if (wrong := complaint_about(command))] == []


@pytest.mark.parametrize("block", [block for block in blocks("sh") if settings_in(block.text)], ids=str)
def test_shown_variables_are_settings(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their values can be used together."""
    monkeypatch.chdir(tmp_path)
    for name, value in settings_in(block.text).items():
        monkeypatch.setenv(name, value)
    load_settings()


@pytest.mark.parametrize("script_tag", re.findall(r"<script[^>]*>", "".join(block.text for block in blocks("html"))))
def test_tags_have_the_widgets_options(script_tag: str) -> None:
    """The script is the widget's, and each `data-…` attribute is one of its options."""
    options = (ROOT / "clients/web/src/widget/options.ts").read_text(encoding="utf-8")
    assert '/widget.js"' in script_tag
    assert [name for name in re.findall(r"data-(\w+)=", script_tag) if f"readonly {name}:" not in options] == []


MAY_CREATE_ROLES, ROLES_MADE_BEFORE, OWN_LOGINS, ROLE_SETTINGS = (
    block.text for block in blocks("sql") if block.page == "docs/operations.md"
)


@pytest.mark.parametrize(
    "statements",
    [MAY_CREATE_ROLES, MAY_CREATE_ROLES.replace(" CREATEROLE", "") + ROLES_MADE_BEFORE],
    ids=["may create roles", "roles made before"],
)
async def test_sql_blocks_prepare_a_server(statements: str, tmp_path: Path) -> None:
    """A gateway that signs in as the role they create can migrate and work; afterwards, its two roles can sign in themselves."""
    async with embedded_postgres(tmp_path / "server", {"fsync": "off"}) as superuser:
        # The embedded server creates them at its start.
        await _execute(superuser, "DROP ROLE turngate_app, turngate_system;" + statements)
        url = on_database(superuser, "chat")
        variables = {
            "TURNGATE_DATABASE_URL": url.replace("turngate@", "gateway@"),
            "TURNGATE_DATA_DIR": str(tmp_path / "gateway"),
        }
        await _run(tmp_path, variables, "bash", "-euc", "turngate migrate && turngate doctor && turngate token list")
        await _execute(superuser, OWN_LOGINS + ROLE_SETTINGS)
        own = {
            "TURNGATE_DATABASE__APP_URL": url.replace("turngate@", "turngate_app@"),
            "TURNGATE_DATABASE__SYSTEM_URL": url.replace("turngate@", "turngate_system@"),
        }
        await _run(tmp_path, {**variables, **own}, "bash", "-euc", "turngate doctor --json | grep 'its own login'")


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in filter(str.strip, statements.split(";")):
            await connection.execute(statement)
    finally:
        await connection.close()
