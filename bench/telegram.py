"""Telegram turns per second: many chats write at once, and the fake Bot API delivers their messages by polling or webhook."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import asyncpg

from bench import processes
from bench.databases import SQL, fresh_database
from bench.errors import BenchError
from bench.results import ChatPace
from storage.queries import named
from tests.fakes.bot_api import FakeBotApi

TOKEN = "42:bench"  # noqa: S105 - the fake takes any
SECRET = "s" * 32
WAIT_S = 120.0
ROUNDS = 3
"""Messages of each chat; the first of them begins its session."""
QUERIES = named((SQL / "telegram.sql").read_text("utf-8"))
MODES = ("polling", "webhook")


async def measure(folder: Path, server_url: str, chats: int) -> tuple[ChatPace, ...]:
    """All messages wait at the fake before the gateway starts. Replies are sent at Telegram's pace, so turns are counted."""
    return tuple([await _mode(folder, server_url, mode, chats) for mode in MODES])


async def _mode(folder: Path, server_url: str, mode: str, chats: int) -> ChatPace:
    url = await fresh_database(server_url, f"telegram_{mode}")
    async with FakeBotApi(tokens=[TOKEN]) as fake:
        await _everybody_writes(fake.url, chats)
        settings = _settings(fake.url, mode)
        async with processes.gateway(folder, url, f"telegram-{mode}", settings, port=processes.free_port()):
            seconds = await _answered(url, chats * ROUNDS)
    return ChatPace(mode, chats, chats * ROUNDS, seconds)


def _settings(fake_url: str, mode: str) -> str:
    webhook = f"webhook_secret = {json.dumps(SECRET)}\n" if mode == "webhook" else ""
    return f'[telegram]\ntoken = "{TOKEN}"\napi_url = "{fake_url}"\nmode = "{mode}"\naccess = "open"\n{webhook}'


async def _everybody_writes(fake_url: str, chats: int) -> None:
    async with aiohttp.ClientSession() as http:
        # Anything planned before a bot has called waits for the first one that does.
        await (await http.get(f"{fake_url}/bot{TOKEN}/getMe")).read()
        for number in range(ROUNDS):
            for chat in range(1, chats + 1):
                body = {"chat_id": chat, "text": f"message {number}"}
                async with http.post(f"{fake_url}/control/messages", json=body) as answer:
                    answer.raise_for_status()


async def _answered(url: str, messages: int) -> float:
    """Seconds from the commit of the first message to that of the last reply, by the database's clock."""
    connection = await asyncpg.connect(url)
    try:
        deadline = time.monotonic() + WAIT_S
        while (await connection.fetchval(QUERIES["answered"])) < messages:
            if time.monotonic() > deadline:
                raise BenchError(f"Telegram's {messages} messages were not answered within {WAIT_S:.0f} s.")
            await asyncio.sleep(0.1)
        return float(await connection.fetchval(QUERIES["took"]))
    finally:
        await connection.close()
