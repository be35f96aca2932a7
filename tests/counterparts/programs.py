"""Programs that print where they listen."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

LISTENS_AT = re.compile(r"http://127\.0\.0\.1:\d+")
START_S = 60


@asynccontextmanager
async def listening(*command: str, folder: Path) -> AsyncIterator[str]:
    """The URL that the program prints; it ends with the block."""
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=PIPE, stderr=STDOUT)
    try:
        url = await asyncio.wait_for(_url(process), START_S)
        draining = asyncio.create_task(_drain(process))
        yield url
        draining.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _url(process: asyncio.subprocess.Process) -> str:
    said = ""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        said += line
        if found := LISTENS_AT.search(line):
            return found[0]
    raise RuntimeError(f"The program ended before it listened: {said}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65_536):
        pass
