"""`turngate` in a process, as somebody at a shell runs it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.world import ROOT


@dataclass
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


class Shell:
    """Runs commands in an empty folder."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.env = {"TURNGATE_DATABASE_URL": database_url, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}

    async def runs(self, *words: str, **env: str) -> Ran:
        """`turngate` with these words."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.cli",
            *words,
            cwd=self.folder,
            env={**os.environ, **self.env, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await child.communicate()
        return Ran(child.returncode or 0, out.decode(), err.decode())
