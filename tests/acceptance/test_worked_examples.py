"""The diffs of docs/extending.md apply to the current code, and what they add works."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.pages import blocks
from tests.acceptance.patches import apply, copy_code
from tests.world import Process, World, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

ORIGIN = "https://www.example.com"
ANSWER = "Back on Monday."


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code to which every diff of every page is applied."""
    folder = copy_code(tmp_path_factory.mktemp("code"))
    for block in blocks("diff"):
        apply(block.text, folder)
    return folder


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the example channel."""
    return tmp_path_factory.mktemp("mailbox")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def extended(shared_world: World, code: Path, mailbox: Path) -> Process:
    """A gateway that runs from the changed code and uses every addition."""
    settings = {
        "TURNGATE_AGENTS": json.dumps({"assistant": {"kind": "fixed", "answer": ANSWER}}),
        "TURNGATE_MAILBOX__FOLDER": str(mailbox),
        "TURNGATE_WEB__ALLOWED_ORIGINS": json.dumps([ORIGIN]),
        "TURNGATE_WEB__PREFLIGHT_S": "5",
    }
    return await shared_world.process_under((), "extended", settings, code=code)


async def test_the_setting_is_read(shared_world: World, extended: Process) -> None:
    """A preflight is answered with the configured time."""
    http = await shared_world.http()
    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    async with http.options(f"{extended.url}/api/me", headers=asking) as response:
        assert (response.status, response.headers["Access-Control-Max-Age"]) == (204, "5")


async def test_the_reference_describes_what_was_added(code: Path) -> None:
    """The generated page has the setting, the agent kind and the channel."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "docs/generate_settings.py"),
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code)},
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    page = (code / "docs/settings.md").read_text(encoding="utf-8")
    for added in ("`TURNGATE_WEB__PREFLIGHT_S`", '### `kind = "fixed"`', "## `[mailbox]`"):
        assert added in page


async def test_the_route_answers(shared_world: World, extended: Process) -> None:
    """It lists the channels, including the new one, and is part of the OpenAPI document."""
    ann = await shared_world.newcomer(extended.url)
    assert "mailbox" in (await ann.gets("/api/channels"))["channels"]
    described = (await ann.gets("/openapi.json"))["paths"]["/api/channels"]["get"]
    assert described["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Channels"
    }


async def test_the_agent_answers(shared_world: World, extended: Process) -> None:
    """A message over the WebSocket gets the answer from the settings."""
    socket = await (await shared_world.newcomer(extended.url)).connects()
    assert (await socket.asks("Are you there?", "m1"))["content"] == ANSWER


async def test_the_channel_accepts_messages_and_delivers_replies(
    shared_world: World, extended: Process, mailbox: Path
) -> None:
    """A file becomes a message in a session of that channel, and the reply is appended to the person's file."""
    assert extended.url
    (mailbox / "ann").mkdir()
    (mailbox / "ann" / "new").write_text("Are you there?", encoding="utf-8")
    (mailbox / "ann" / "new").rename(mailbox / "ann" / "1.txt")

    async def replies() -> str:
        path = mailbox / "ann" / "replies"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    assert await eventually(replies) == f"{ANSWER}\n"
    assert not (mailbox / "ann" / "1.txt").exists()
    rows = await shared_world.rows("SELECT user_id, channel FROM chat_sessions WHERE channel = 'mailbox'")
    assert rows == [{"user_id": "visitor:mailbox:ann", "channel": "mailbox"}]
