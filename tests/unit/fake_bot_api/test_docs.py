"""The start command and every code block of docs/fake-bot-api.md."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "docs" / "fake-bot-api.md").read_text(encoding="utf-8")
_DOCUMENTED_URL = "http://127.0.0.1:8081"


@pytest.fixture
async def server() -> AsyncIterator[Process]:
    command = (sys.executable, "-m", "tests.fakes.bot_api", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, cwd=_ROOT, stdout=PIPE)
    yield process
    if process.returncode is None:
        process.terminate()
    await process.communicate()


async def test_server_prints_its_url_and_ends_on_sigterm(server: Process) -> None:
    """Started by its command, the server prints its URL, and stops cleanly."""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", await _url(server))
    server.terminate()
    assert await asyncio.wait_for(server.wait(), 5) == 0


async def test_shell_blocks_run_as_written(server: Process) -> None:
    """All `bash` blocks run one after another against a fresh server."""
    script = "\n".join(_blocks("bash")).replace(_DOCUMENTED_URL, await _url(server))
    await _run("bash", "-euxc", script)


async def test_python_block_runs_as_written() -> None:
    """The example for tests passes."""
    (example,) = _blocks("python")
    await _run(sys.executable, "-c", example)


async def _url(server: Process) -> str:
    assert server.stdout is not None
    return (await asyncio.wait_for(server.stdout.readline(), 20)).decode().strip()


async def _run(*command: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    process = await asyncio.create_subprocess_exec(*command, cwd=_ROOT, env=environment, stdout=PIPE, stderr=STDOUT)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output.decode()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _PAGE, re.DOTALL | re.MULTILINE)
