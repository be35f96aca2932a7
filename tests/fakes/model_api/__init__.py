"""A server of model APIs with scripted answers: aimock (npm, MIT), driven by its control API.

It serves real HTTP with streaming and faults, and keeps a journal of what it was asked. The pinned version stands in
`package.json` beside this file; it is installed at the first use and not again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from gateway.core.model import JsonObject, JsonValue
from tests import npm

HERE = Path(__file__).parent
CLI = HERE / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
LISTENING = re.compile(r"listening on (http://\S+)")
START_S = 30


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the server; its headers are in lower case. The server keeps API keys out of its journal."""

    headers: dict[str, str]
    body: JsonObject


@dataclass(frozen=True, slots=True)
class ModelApi:
    """The running server, and what tests make it answer."""

    url: str
    http: aiohttp.ClientSession

    @property
    def base_url(self) -> str:
        """The base URL for an agent's settings."""
        return f"{self.url}/v1"

    async def answers(self, text: str, to: str = "", *, call: int | None = None, **how: JsonValue) -> None:
        """Answers user messages that contain `to` with `text`: every time, or only the call with that number, counted from 0.

        `how`: reasoning (what the model thinks before), chunkSize (characters), latency (ms between chunks),
        truncateAfterChunks, disconnectAfterMs.
        """
        reasoning = how.pop("reasoning", "")
        await self._add(to, {"content": text, **({"reasoning": reasoning} if reasoning else {})}, call, **how)

    async def refuses(self, status: int, message: str, *, call: int | None = None, **more: JsonValue) -> None:
        """Answers with an error: every time, or only the call with that number, counted from 0.

        `more`: `code` of the error, `retryAfter` (seconds).
        """
        error: JsonObject = {"message": message, "type": "error", "code": more.pop("code", None)}
        await self._add("", {"error": error, "status": status, **more}, call)

    async def asks_for_tool(
        self, name: str, arguments: str = "{}", *, call: int | None = None, **how: JsonValue
    ) -> None:
        """Answers with a tool call only. `arguments`: as JSON."""
        await self._add("", {"toolCalls": [{"name": name, "arguments": arguments}]}, call, **how)

    async def adds_fixture(self, match: JsonObject, response: JsonObject) -> None:
        """Adds an answer in the server's own terms: what it is given for, and what it contains."""
        await self._post("fixtures", {"fixtures": [{"match": match, "response": response}]})

    async def requests(self) -> list[Request]:
        """All requests since the last reset, oldest first."""
        async with self.http.get(f"{self.url}/__aimock/journal") as response:
            return [Request(entry["headers"], entry["body"]) for entry in await response.json()]

    async def reset(self) -> None:
        """Forgets answers and requests."""
        await self._post("reset", {})

    async def _add(self, to: str, response: JsonObject, call: int | None, **how: JsonValue) -> None:
        match: JsonObject = {"userMessage": to} if to else {}
        if call is not None:
            match["sequenceIndex"] = call
        await self._post("fixtures", {"fixtures": [{"match": match, "response": response, **how}]})

    async def _post(self, path: str, body: JsonObject) -> None:
        async with self.http.post(f"{self.url}/__aimock/{path}", json=body) as response:
            if response.status >= 400:
                raise AssertionError(f"aimock refused {path}: {await response.text()}")


@asynccontextmanager
async def model_api(folder: Path) -> AsyncIterator[ModelApi]:
    """Starts a server on a free port; `folder` has to be empty."""
    await asyncio.to_thread(npm.install, HERE)
    process = await asyncio.create_subprocess_exec(
        "node",
        str(CLI),
        "--port",
        "0",
        "--fixtures",
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        url = await asyncio.wait_for(_listening(process), START_S)
        reading = asyncio.create_task(_drain(process))
        # Node closes idle connections after five seconds, which a slow import takes, too: none is used twice.
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
            yield ModelApi(url, http)
        reading.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _listening(process: asyncio.subprocess.Process) -> str:
    said = ""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        said += line
        if found := LISTENING.search(line):
            return found[1]
    raise RuntimeError(f"aimock did not start: {said}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65_536):
        pass
