"""Commands beside a running gateway."""

from __future__ import annotations

import asyncio
import os
import sys

from tests.world import ROOT, World


def environment(world: World) -> dict[str, str]:
    """Of the gateway and of commands beside it, which share its data dir."""
    own = {"TURNGATE_DATABASE_URL": world.database_url, "TURNGATE_DATA_DIR": str(world.folder / "gateway")}
    return {**os.environ, **own}


async def turngate(world: World, *words: str, **env: str) -> tuple[str, str]:
    """What a command that succeeds prints: standard output and standard error."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", *words),
        cwd=ROOT,
        env={**environment(world), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    assert child.returncode == 0, err.decode()
    return out.decode(), err.decode()


async def sign_in_link(world: World) -> str:
    """What `turngate sign-in` prints."""
    return (await turngate(world, "sign-in"))[0].strip()
