"""A real IRC server (ngircd) and people on it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

BOT = "turngate"
PATIENCE_S = 60.0
CONFIGURATION = """
[Global]
Name = irc.example.net
Info = for tests
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = hello
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 30
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
"""


class Ngircd:
    """One server on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self._file = folder / "ngircd.conf"
        self._file.write_text(CONFIGURATION.format(port=self.port), encoding="utf-8")
        self._file.chmod(0o644)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        program = shutil.which("ngircd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        assert program is not None, "Install ngircd from your system's packages."
        self._process = await asyncio.create_subprocess_exec(
            program, "--nodaemon", "--config", str(self._file), stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(PATIENCE_S):
            while not await self._answers():  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def freeze(self) -> None:
        """It reads nothing and answers nothing from now on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


class Somebody:
    """A person with a client. What the bot writes to them is in `heard`."""

    def __init__(self, nick: str, port: int) -> None:
        self.nick = nick
        self.heard: list[str] = []
        self.notices: list[str] = []
        self._port = port
        self._welcome = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def joins(self) -> None:
        """Signs on."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._welcome.clear()
        self._reading = asyncio.create_task(self._read(reader))
        self._write(f"NICK {self.nick}")
        self._write(f"USER {self.nick} 0 * :{self.nick}")
        async with asyncio.timeout(PATIENCE_S):
            await self._welcome.wait()

    def says(self, text: str, to: str = BOT) -> None:
        """Writes to the bot, in private."""
        self._write(f"PRIVMSG {to} :{text}")

    def stops_reading(self) -> None:
        """The client hangs."""
        if self._reading is not None:
            self._reading.cancel()

    async def leaves(self) -> None:
        """Is gone for everybody else when this returns."""
        self._write("QUIT :bye")
        if self._reading is not None:
            await asyncio.wait([self._reading])

    async def close(self) -> None:
        self.stops_reading()
        if self._writer is not None:
            self._writer.close()

    def _write(self, line: str) -> None:
        assert self._writer is not None
        self._writer.write(f"{line}\r\n".encode())

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := (await reader.readline()).decode(errors="replace").rstrip("\r\n"):
            if line.startswith("PING"):
                self._write(f"PONG {line.partition(' ')[2]}")
            source, _, rest = line.removeprefix(":").partition(" ")
            command, _, parameters = rest.partition(" ")
            if command == "001":
                self._welcome.set()
            if source.partition("!")[0] == BOT and command in {"PRIVMSG", "NOTICE"}:
                (self.heard if command == "PRIVMSG" else self.notices).append(parameters.partition(" :")[2])


@asynccontextmanager
async def irc_server(folder: Path) -> AsyncIterator[Ngircd]:
    """A server that runs until the end of the block."""
    server = Ngircd(folder)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
