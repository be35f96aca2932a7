"""The examples of docs/api.md, run unchanged."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from tests.world import World

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


async def test_the_examples_run_as_one_bash_session(world: World) -> None:
    """Every bash block, in order, against a gateway with the demo agent."""
    mia = await world.person("mia", (await world.gateway()).url)
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 8
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-euxo",
        "pipefail",
        "-c",
        "\n".join(blocks),
        env={**os.environ, "BASE": mia.url, "TOKEN": mia.token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await shell.communicate()
    assert shell.returncode == 0, told.decode()
