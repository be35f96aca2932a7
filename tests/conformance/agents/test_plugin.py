"""`pytest --turngate-agent` as somebody with an agent of their own runs it, in a process and a folder of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.world import ROOT

AGENTS = """
from turngate.testing.agents import under_test


async def shout(turn):
    return turn.text.upper()


async def mute(turn):
    return ""


patient = under_test(shout, able=["streams"])
"""


async def pytest_in(folder: Path, *words: str) -> tuple[int, str]:
    """The exit code of pytest with these words, and all that it printed."""
    (folder / "my_agents.py").write_text(AGENTS, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-v", "-p", "no:asyncio", "-p", "no:cacheprovider", *words),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_suite_runs_beside_other_tests(tmp_path: Path) -> None:
    """On agents of one's own and of the settings: cases pass, fail with their requirement, or are skipped as not declared."""
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n", encoding="utf-8")
    agents = ("my_agents:shout", "my_agents:mute", "my_agents:patient", "assistant")
    options = [word for agent in agents for word in ("--turngate-agent", agent)]
    code, output = await pytest_in(tmp_path, *options, "-k", "own or answers_in_text or streamed")
    assert code == 1, output
    for line in (
        "test_own.py::test_own PASSED",
        "my_agents:shout::answers_in_text PASSED",
        "my_agents:shout::a_long_answer_is_streamed SKIPPED (not declared: streams)",
        "my_agents:mute::answers_in_text FAILED",
        "no text in the answer to message 1 of a conversation",
        "Required: A first message and a later one are answered with text.",
        "my_agents:patient::a_long_answer_is_streamed FAILED",
        "assistant::answers_in_text PASSED",
    ):
        assert line in output
    assert "usage_is_reported" not in output, "-k chooses among the cases, too"


async def test_a_missing_agent_is_a_wrong_option(tmp_path: Path) -> None:
    """Without a traceback."""
    code, output = await pytest_in(tmp_path, "--turngate-agent", "my_agents:nobody")
    assert code == 4, output
    assert "--turngate-agent my_agents:nobody" in output
    assert "my_agents has no nobody" in output
    assert "Traceback" not in output
