"""`turngate` in a process, as somebody at a shell runs it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.forks import Child, fork
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
        """`turngate` with these words, in a fork of a process that has imported it."""
        return await forked(words, self.folder, {**os.environ, **self.env, **env})

    async def runs_anew(self, *words: str) -> Ran:
        """The same in a process that imports everything itself, as a shell would start it."""
        command = (sys.executable, "-m", "gateway.cli", *words)
        with TemporaryFile() as out, TemporaryFile() as err:
            child = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env={**os.environ, **self.env}, stdout=out, stderr=err
            )
            return await _ended(child, out, err)


async def forked(words: Iterable[str], folder: Path, environment: Mapping[str, str]) -> Ran:
    """What `turngate` with these words comes to there."""
    with TemporaryFile() as out, TemporaryFile() as err:
        child = await fork("gateway.cli", *words, folder=folder, environment=environment, out=out, err=err)
        return await _ended(child, out, err)


async def _ended(child: Child, out: IO[bytes], err: IO[bytes]) -> Ran:
    code = await child.wait()
    out.seek(0)
    err.seek(0)
    return Ran(code, out.read().decode(), err.read().decode())
