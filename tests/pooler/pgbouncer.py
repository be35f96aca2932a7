"""PgBouncer in front of the tests' database, in session or in transaction mode."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from storage.embedded import launch
from storage.embedded.account import Account
from storage.embedded.server import BARE_ENVIRONMENT
from storage.pools import SESSION_SETTINGS
from tests.debian import REMEDY, find_program
from tests.faults.server import free_port
from tests.world import eventually

USERS = ("turngate", "turngate_app", "turngate_system")
CONFIGURATION = """
[databases]
* = host={host} port={port} {forced}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = {size}
ignore_startup_parameters = {ignored}
"""


class Pooler:
    """One PgBouncer. `port`: where it listens; `log`: what it says."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.log = folder / "pgbouncer.log"
        self.port = free_port()
        self._database_url = database_url

    def url(self, user: str = "turngate") -> str:
        """The database, through the pooler."""
        return f"postgresql://{user}@127.0.0.1:{self.port}{urlsplit(self._database_url).path}"

    def configures(self, mode: str, ignored: tuple[str, ...], forced: str, size: int) -> Path:
        """Its file of settings. `forced`: an account that it signs in as, whoever comes."""
        server = parse_qs(urlsplit(self._database_url).query)
        self.folder.mkdir()
        users = self.folder / "users.txt"
        users.write_text("".join(f'"{user}" ""\n' for user in USERS))
        path = self.folder / "pgbouncer.ini"
        path.write_text(
            CONFIGURATION.format(
                host=server["host"][0],
                port=server["port"][0],
                forced=f"user={forced}" if forced else "",
                listen=self.port,
                users=users,
                mode=mode,
                size=size,
                ignored=",".join(ignored),
            )
        )
        return path

    async def starts(self, configuration: Path) -> asyncio.subprocess.Process:
        """Returns when it accepts connections."""
        program = find_program("pgbouncer")
        assert program is not None, REMEDY.format(name="pgbouncer")
        socket_dir = parse_qs(urlsplit(self._database_url).query)["host"][0]
        account = _owner(Path(socket_dir))
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", launch.__file__, "wait", str(account.uid), str(account.gid)),
                *(str(self.folder), socket_dir, "--", str(program), str(configuration)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=BARE_ENVIRONMENT,
                cwd="/",
            )

        async def accepts() -> bool:
            assert process.returncode is None, self.log.read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return False
            writer.close()
            return True

        await eventually(accepts)
        return process


def _owner(folder: Path) -> Account:
    """PgBouncer refuses to run as root, and only its owner may use the socket."""
    found = folder.stat()
    return Account(found.st_uid, found.st_gid) if os.geteuid() == 0 else Account(os.geteuid(), os.getegid())


@asynccontextmanager
async def pgbouncer(
    folder: Path,
    database_url: str,
    mode: str,
    ignored: tuple[str, ...] = tuple(SESSION_SETTINGS),
    *,
    forced: str = "",
    size: int = 20,
) -> AsyncIterator[Pooler]:
    """A PgBouncer in front of that database; gone afterwards."""
    pooler = Pooler(folder, database_url)
    process = await pooler.starts(pooler.configures(mode, ignored, forced, size))
    try:
        yield pooler
    finally:
        process.kill()
        await process.wait()
