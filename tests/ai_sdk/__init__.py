"""AI SDK's chat (npm `ai` and `@ai-sdk/react`, the real packages) in a Node process, moved by tests.

The pinned versions stand in `package.json` beside this file; they are installed at the first use and not again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import npm
from tests.world import Person, eventually

PACKAGES = {6: ("@ai-sdk/react", "ai"), 7: ("ai-sdk-react-7", "ai-7")}
"""By the major version of `ai`: the names that its `@ai-sdk/react` and itself are installed by."""
VERSIONS = tuple(PACKAGES)
HERE = Path(__file__).parent
CALL_S = 30


@dataclass(frozen=True, slots=True)
class Page:
    """A `Chat`, as in a page that was just opened."""

    sdk: Sdk
    name: str

    async def sends(self, text: str, **more: Any) -> None:
        """Starts sending a message; the answer streams in."""
        await self.sdk.asks("send", page=self.name, text=text, **more)

    async def regenerates(self, message_id: str | None = None) -> None:
        """Starts regenerating the answer."""
        await self.sdk.asks("regenerate", page=self.name, messageId=message_id)

    async def resumes(self) -> None:
        """Asks for the running answer; if there is one, it then streams in."""
        await self.sdk.asks("resume", page=self.name)

    async def stops(self) -> None:
        """Calls `stop()`."""
        await self.sdk.asks("stop", page=self.name)

    async def loses_the_network(self) -> None:
        """Breaks all open requests of the page."""
        await self.sdk.asks("drop", page=self.name)

    async def settles(self) -> dict[str, Any]:
        """Waits until the latest call has ended; returns what the page shows."""
        await self.sdk.asks("settle", page=self.name)
        return await self.shows()

    async def shows(self) -> dict[str, Any]:
        """`status`, `messages`, `error`, and what `onData` and `onFinish` were called with."""
        shown: dict[str, Any] = await self.sdk.asks("look", page=self.name)
        return shown

    async def shows_text(self, text: str) -> dict[str, Any]:
        """Waits until the last message contains that text."""

        async def look() -> dict[str, Any] | None:
            shown = await self.shows()
            return shown if shown["messages"] and text in text_of(shown["messages"][-1]) else None

        found: dict[str, Any] = await eventually(look)
        return found


class Sdk:
    """The Node process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def opens(
        self, person: Person, chat_id: str, messages: list[Any] | None = None, *, hook: bool = False, **body: Any
    ) -> Page:
        """A page with a chat of that id. `hook`: created by `useChat` itself. `body`: additional keys of each request."""
        name = str(next(self._numbers))
        about = {"url": person.url, "token": person.token, "id": chat_id, "messages": messages or []}
        await self.asks("open", page=name, **about, hook=hook, body=body)
        return Page(self, name)

    async def parses(self, stream: str) -> list[dict[str, Any]]:
        """The chunks of a stream, each checked against the package's own schema."""
        chunks: list[dict[str, Any]] = await self.asks("parse", text=stream)
        return chunks

    async def validates(self, messages: list[Any]) -> list[Any]:
        """The result of `validateUIMessages`."""
        validated: list[Any] = await self.asks("validate", messages=messages)
        return validated

    async def asks(self, deed: str, **options: Any) -> Any:
        """Calls the driver; raises what it throws."""
        number = next(self._numbers)
        said = self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": number, "do": deed, **options}).encode() + b"\n")
        answer = await asyncio.wait_for(said, CALL_S)
        assert "error" not in answer, answer["error"]
        return answer["answer"]

    async def listen(self) -> None:
        """Passes responses to the calls that wait for them."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            self._waiting.pop(answer["call"]).set_result(answer)


@asynccontextmanager
async def running_sdk(version: int = VERSIONS[-1]) -> AsyncIterator[Sdk]:
    """The driver with that major version of `ai`, in its own process."""
    await asyncio.to_thread(npm.install, HERE)
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "driver.mjs"),
        *PACKAGES[version],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    sdk = Sdk(process)
    listening = asyncio.create_task(sdk.listen())
    try:
        yield sdk
    finally:
        listening.cancel()
        if process.returncode is None:
            process.kill()
        await process.wait()


def text_of(message: dict[str, Any]) -> str:
    """The text parts of a message, one after another."""
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def answer_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts behind the last step's start: what a page shows as the answer (docs/ai-sdk.md)."""
    parts: list[dict[str, Any]] = message["parts"]
    steps = [number for number, part in enumerate(parts) if part["type"] == "step-start"]
    return parts[steps[-1] + 1 :] if steps else parts
