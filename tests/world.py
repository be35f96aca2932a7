"""The language of the tests: gateways on one database, and people who talk to them through real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import aiohttp
import asyncpg
from pydantic import SecretStr

from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running, running_gateway
from gateway.config import Settings
from gateway.core.model import UserId
from gateway.core.settings import Replica
from gateway.identity.credentials import digest, new_api_token
from storage.database import open_database
from storage.users.tokens import PostgresTokens
from tests.forks import Child, fork
from tests.wire import require_described

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60.0
"""A wait ends as soon as what it waits for is there; only a failure takes this long, on a busy machine too."""
START_S = 60.0
"""A process that starts imports everything first, beside whatever else this machine does."""
Frame = dict[str, Any]


async def eventually(look: Callable[[], Awaitable[Any]], within: float = PATIENCE_S) -> Any:
    """Returns the result of `look` once it is true; fails with the last result after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = await look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {within} s"
        await asyncio.sleep(0.02)


@dataclass
class Socket:
    """A WebSocket client that records the frames it receives."""

    socket: aiohttp.ClientWebSocketResponse
    heard: list[Frame] = field(default_factory=list)

    async def says(self, **frame: Any) -> None:
        """Sends a frame."""
        await self.socket.send_str(json.dumps(frame))

    async def hears(self, kind: str, within: float = PATIENCE_S, **fields: Any) -> Frame:
        """The next frame of that type with those fields; earlier frames are kept in `heard`."""
        async with asyncio.timeout(within):
            while True:
                frame = await self.hears_next(within)
                if frame["type"] == kind and all(frame.get(name) == value for name, value in fields.items()):
                    return frame

    async def hears_next(self, within: float = PATIENCE_S) -> Frame:
        """The next frame, whatever it is."""
        async with asyncio.timeout(within):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, f"{message.type} {message.data} after {self.heard}"
        frame: Frame = json.loads(message.data)
        require_described(frame)
        self.heard.append(frame)
        return frame

    async def closes(self, within: float = PATIENCE_S) -> int:
        """The code that the socket is closed with; earlier frames are kept in `heard`."""
        async with asyncio.timeout(within):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.heard.append(json.loads(message.data))
                if message.type is aiohttp.WSMsgType.CLOSE:
                    return int(message.data)
                if message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}:
                    return self.socket.close_code or 0

    def drops(self) -> None:
        """Drops the connection without a close frame."""
        response: Any = self.socket._response
        response.close()

    async def asks(self, text: str, key: str) -> Frame:
        """Sends a message and waits for the reply's row."""
        await self.says(type="send", id=key, text=text)
        ack = await self.hears("ack", id=key)
        reply: Frame = (await self.hears_reply(ack["turn_id"]))["message"]
        return reply

    async def hears_reply(self, turn_id: str) -> Frame:
        """The assistant's row of a turn."""
        while True:
            frame = await self.hears("message")
            if frame["message"]["role"] == "assistant" and frame["message"]["turn_id"] == turn_id:
                return frame


@dataclass
class Person:
    """A user with a token, at one gateway."""

    user: str
    token: str
    url: str
    http: aiohttp.ClientSession

    async def connects(self, **hello: Any) -> Socket:
        """A socket that has sent hello and received `ready` (in `heard[0]`)."""
        socket = await self.opens()
        try:
            await socket.says(type="hello", token=self.token, **hello)
            await socket.hears("ready")
        except BaseException:
            socket.drops()
            raise
        return socket

    async def opens(self, headers: dict[str, str] | None = None) -> Socket:
        """A socket that has sent nothing yet."""
        return Socket(await self.http.ws_connect(f"{self.url}/ws", headers=headers, max_msg_size=0))

    async def calls(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON of an HTTP request with the person's token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        async with self.http.request(method, f"{self.url}{path}", headers=headers, **options) as response:
            return response.status, await response.json(content_type=None)

    async def gets(self, path: str) -> Any:
        """The JSON of a GET that succeeds."""
        status, body = await self.calls("GET", path)
        assert status == 200, (status, body)
        return body

    async def posts(self, path: str, expect: int, **body: Any) -> Any:
        """The JSON of a POST that ends with that status."""
        status, answer = await self.calls("POST", path, json=body)
        assert status == expect, (status, answer)
        return answer

    async def schedules_soon(self, **given: Any) -> Any:
        """A schedule that fires once, as soon as it can be made before its time has passed: that is the machine's to say."""
        status, made, lead_s = 400, None, 0.5
        while status == 400 and lead_s < PATIENCE_S:
            trigger = {"type": "once", "at": (datetime.now(UTC) + timedelta(seconds=lead_s)).isoformat()}
            body = {"name": "Soon", "prompt": "hi", "trigger": trigger, **given}
            status, made = await self.calls("POST", "/api/schedules", json=body)
            lead_s *= 2
        assert status == 201, (status, made)
        return made


@dataclass
class Process:
    """A gateway in a process of its own."""

    process: Child
    url: str
    log: Path

    async def dies(self) -> None:
        """Dies of `kill -9`."""
        self.process.kill()
        await self.process.wait()

    async def stops(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Sends SIGTERM; returns the seconds until the process ended."""
        begun = time.monotonic()
        self.process.send_signal(number)
        await self.process.wait()
        return time.monotonic() - begun


class World:
    """One database and everything around it."""

    def __init__(self, database_url: str, folder: Path, stack: AsyncExitStack) -> None:
        self.database_url = database_url
        self.folder = folder
        self._stack = stack
        self._http: aiohttp.ClientSession | None = None
        self._started: asyncio.Queue[Process] = asyncio.Queue()

    def settings(self, **given: Any) -> Settings:
        """Settings of a gateway in this world; quick to notice each other's death."""
        quick = {"heartbeat_s": 0.3, "ttl_s": 2.0, "sweep_s": 0.2, "poll_s": 0.2, "index_s": 0.1}
        return Settings(
            database_url=SecretStr(self.database_url),
            data_dir=self.folder / given.pop("data_dir", "data"),
            port=given.pop("port", 0),
            replica=Replica(**{**quick, **given.pop("replica", {})}),
            **given,
        )

    async def gateway(self, seams: Seams | None = None, **given: Any) -> Running:
        """A gateway in this process, ready. `seams`: what stands between its parts."""
        running = await self._stack.enter_async_context(running_gateway(self.settings(**given), seams))
        # Otherwise an open turn of a test would get its seconds to finish.
        self._stack.callback(_cancel_turns, running)
        async with asyncio.timeout(PATIENCE_S):
            await running.ready.wait()
        return running

    async def process(self, name: str = "gateway", **env: str) -> Process:
        """A ready gateway in a process of its own; a fork, unless a new Python process is needed."""
        if "PYTHONPATH" in env:
            return await self.process_under((), name, env)
        log = self._log(name)
        variables = {**os.environ, **self._variables(name, env)}
        with log.open("wb") as sink:
            child = await fork("gateway.cli", "serve", folder=ROOT, environment=variables, err=sink)
        return await self._ready(child, log)

    async def process_under(
        self,
        before: Sequence[str],
        name: str,
        env: Mapping[str, str],
        python: str = sys.executable,
        code: Path = ROOT,
    ) -> Process:
        """The same, started by the command `before`, in the environment of `python`, from the folder `code`."""
        log = self._log(name)
        with log.open("wb") as sink:
            child = await asyncio.create_subprocess_exec(
                *before,
                python,
                "-m",
                "gateway.cli",
                "serve",
                cwd=code,
                env={**os.environ, **self._variables(name, env)},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=sink,
            )
        return await self._ready(child, log)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}-{time.monotonic_ns()}.log"

    def _variables(self, name: str, env: Mapping[str, str]) -> Mapping[str, str]:
        return {
            "TURNGATE_DATABASE_URL": self.database_url,
            "TURNGATE_DATA_DIR": str(self.folder / name),
            "TURNGATE_PORT": "0",
            "TURNGATE_LOG__FORMAT": "json",
            "TURNGATE_REPLICA__HEARTBEAT_S": "0.3",
            "TURNGATE_REPLICA__TTL_S": "2",
            "TURNGATE_REPLICA__SWEEP_S": "0.2",
            "TURNGATE_REPLICA__POLL_S": "0.2",
            **env,
        }

    async def _ready(self, child: Child, log: Path) -> Process:
        self._stack.push_async_callback(_end, child)
        self._started.put_nowait(Process(child, "", log))

        async def ready() -> str | None:
            assert child.returncode is None, _text_of(log)
            return _url_in(log)

        return Process(child, await eventually(ready, within=START_S), log)

    async def started(self) -> Process:
        """The next process that writes to its log, ready or not."""
        process = await self._started.get()

        async def spoke() -> bool:
            return bool(process.log.read_text())

        await eventually(spoke)
        return process

    async def person(self, user: str, url: str, role: str = "user") -> Person:
        """Somebody with an API token."""
        token = new_api_token()
        database = await open_database(self.database_url)
        try:
            await PostgresTokens(database).create(UserId(user), digest(token), None, role, None)  # type: ignore[arg-type] # a literal
        finally:
            await database.close()
        return Person(user, token, url, await self.http())

    async def newcomer(self, url: str, role: str = "user") -> Person:
        """A user with an API token and a new name."""
        return await self.person(f"newcomer-{uuid4().hex}", url, role)

    async def http(self) -> aiohttp.ClientSession:
        """The clients' side of HTTP."""
        if self._http is None:
            self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self._http

    @asynccontextmanager
    async def database_away(self) -> AsyncIterator[None]:
        """Nobody is connected to the database, and new connections are refused."""
        parts = urlsplit(self.database_url)
        name = parts.path.removeprefix("/")
        admin = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
        try:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            yield
        finally:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await admin.close()

    def afterwards(self, end: Callable[[], Awaitable[None]]) -> None:
        """Called when the world ends, last first."""
        self._stack.push_async_callback(end)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows from the database, read past the gateway."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()


def _cancel_turns(running: Running) -> None:
    runner = running.gateway.engine.runner
    for turn_id in runner.running:
        runner.cancel(turn_id)


def _text_of(log: Path) -> str:
    return log.read_text()


def _url_in(log: Path) -> str | None:
    events = [json.loads(line) for line in _text_of(log).splitlines() if line.startswith("{")]
    return next((event["url"] for event in events if event["event"] == "ready"), None)


async def _end(child: Child) -> None:
    if child.returncode is None:
        child.kill()
        await child.wait()
