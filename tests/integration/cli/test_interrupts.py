"""Ctrl-C while `turngate` starts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.world import PATIENCE_S, ROOT

STUCK = """
import os
import time

os.write(1, b"importing")
time.sleep(60)
"""


@pytest.mark.parametrize("module", ["typer", "uvloop"])
async def test_ctrl_c_during_the_imports_shows_no_traceback(tmp_path: Path, module: str) -> None:
    """Exit code 130 and no other output, whether the command line itself or a command is being imported."""
    (tmp_path / f"{module}.py").write_text(STUCK)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    # A run in the background of a shell ignores Ctrl-C, and so would its children.
    command = ("env", "--default-signal=INT", sys.executable, "-m", "gateway.cli", "serve")
    child = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=environment, stdout=PIPE, stderr=PIPE)
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert await child.stdout.readexactly(9) == b"importing"
        child.send_signal(signal.SIGINT)
        out, err = await child.communicate()
    assert (child.returncode, out, err) == (130, b"", b"")
