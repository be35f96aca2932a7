"""The JavaScript of docs/ai-sdk.md runs: one block after another, with the real packages and a gateway."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT

import pytest

from tests import npm
from tests.acceptance.pages import blocks
from tests.ai_sdk import HERE, PACKAGES
from tests.world import World

pytestmark = pytest.mark.acceptance

PATIENCE_S = 60
RENDERED = """
import { renderToStaticMarkup } from "react-dom/server";
console.log(renderToStaticMarkup(h(Conversation, { chat: again })));
"""


@pytest.mark.parametrize("version", PACKAGES)
async def test_script_blocks_run(world: World, version: int) -> None:
    """The page that came back shows the question and its answer."""
    await asyncio.to_thread(npm.install, HERE)
    mia = await world.person("mia", (await world.gateway()).url)
    script = "\n".join(block.text for block in blocks("js")) + RENDERED
    for name, installed in zip(PACKAGES[6], PACKAGES[version], strict=True):
        script = script.replace(f'from "{name}"', f'from "{installed}"')
    process = await asyncio.create_subprocess_exec(
        *("node", "--input-type=module", "--eval", script),
        cwd=HERE,
        env={**os.environ, "BASE": mia.url, "TOKEN": mia.token},
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, output.decode()
    assert "<form><p><span>Hello</span></p><p><span>Hello! I am the demo agent." in output.decode()
