"""Commands that run beside a running gateway."""

from __future__ import annotations

import os

from tests.shell import forked
from tests.world import ROOT, World


def environment(world: World) -> dict[str, str]:
    """The environment of the gateway and of commands beside it, which share its data dir."""
    own = {"TURNGATE_DATABASE_URL": world.database_url, "TURNGATE_DATA_DIR": str(world.folder / "gateway")}
    return {**os.environ, **own}


async def turngate(world: World, *words: str, **env: str) -> tuple[str, str]:
    """Standard output and standard error of a command that succeeds."""
    ran = await forked(words, ROOT, {**environment(world), **env})
    assert ran.code == 0, ran.err
    return ran.out, ran.err


async def sign_in_link(world: World) -> str:
    """What `turngate sign-in` prints."""
    return (await turngate(world, "sign-in"))[0].strip()
