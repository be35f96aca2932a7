"""PyPI's `mockpost`: an emulator of many networks, of which the Telegram part and the list of messages are run here.

`getUpdates` tells everything that was ever written, newest first, ignores the offset, and numbers updates and messages by their
place in that answer, so that each new message renumbers all; everybody is person 0. The shim turns the list round, numbers it
once and for all, and makes a chat's person its sender. Untouched: all else, `setMyCommands` being a 404 among it.

It has an environment of its own: its dependencies are none of the project's.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.counterparts.programs import listening
from tests.counterparts.shelf import Update, shelf

LOCK = Path(__file__).with_name("requirements.lock")
HOME = Path(sys.prefix) / "counterparts" / "mockpost"
PYTHON = HOME / "bin" / "python"
PROGRAM = """
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from mockpost import db
from mockpost.routers import api_messages, telegram


@asynccontextmanager
async def lifespan(app):
    await db.init_db()
    yield
    await db.close_db()


app = FastAPI(lifespan=lifespan)
app.include_router(telegram.router)
app.include_router(api_messages.router)
uvicorn.run(app, host="127.0.0.1", port=0)
"""
MOST = 500


@dataclass
class Renumbered:
    """Updates with ids that stay."""

    seen: int = 0

    def new_ones(self, told: list[Update]) -> list[Update]:
        """The updates that were not returned before, oldest first."""
        fresh = [self._numbered(place, update) for place, update in enumerate(reversed(told), 1) if place > self.seen]
        self.seen += len(fresh)
        return fresh

    @staticmethod
    def _numbered(number: int, update: Update) -> Update:
        message = update["message"]
        sender = {**message["from"], "id": message["chat"]["id"]}
        return {"update_id": number, "message": {**message, "message_id": number, "from": sender}}


@dataclass(frozen=True, slots=True)
class MockPost:
    """The running server. `url` is the shim's; people write through the server's own client route."""

    url: str
    server: str
    http: aiohttp.ClientSession

    async def says(self, person: int, text: str) -> None:
        """A person writes in their private chat."""
        message = {"chat_id": person, "text": text}
        async with self.http.post(f"{self.server}/telegram/client/sendMessage", json=message) as response:
            response.raise_for_status()

    async def heard(self, person: int) -> list[str]:
        """The bot's messages to them, oldest first."""
        async with self.http.get(f"{self.server}/api/messages?channel=telegram&limit={MOST}") as response:
            newest_first = await response.json()
        sent = [one for one in newest_first if one["direction"] == "outbound" and one["recipient"] == str(person)]
        return [one["body"] for one in reversed(sent)]


def install() -> None:
    """Creates its environment unless it exists. Raises `RuntimeError` with what pip said."""
    stamp = HOME / f"installed-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if stamp.is_file():
        return
    _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(HOME))
    pip = (sys.executable, "-m", "pip", "--python", str(PYTHON), "--disable-pip-version-check", "--no-input")
    _run(*pip, "install", "--quiet", "--require-hashes", "--no-deps", "--requirement", str(LOCK))
    stamp.touch()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mockpost could not be installed from {LOCK}: {done.stderr}")


@asynccontextmanager
async def mockpost(folder: Path) -> AsyncIterator[MockPost]:
    """Starts a server on a free port, with its files in `folder`."""
    await asyncio.to_thread(install)
    async with (
        listening(str(PYTHON), "-c", PROGRAM, folder=folder) as server,
        shelf(f"{server}/telegram", Renumbered().new_ones) as url,
        aiohttp.ClientSession() as http,
    ):
        yield MockPost(url, server, http)
