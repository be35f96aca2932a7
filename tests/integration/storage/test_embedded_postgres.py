"""The embedded PostgreSQL, with real servers, real processes and real signals."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from pwd import getpwnam

import asyncpg
import pytest

from storage.embedded import (
    EmbeddedPostgresError,
    EmbeddedPostgresMissing,
    embedded_postgres,
    launch,
    running_url,
)
from storage.embedded.account import server_account
from storage.embedded.binaries import find_binaries
from storage.embedded.layout import Layout
from storage.embedded.locks import is_free
from storage.embedded.postmaster import postmaster

PROJECT = Path(__file__).parents[3]
DEADLINE_S = 30.0
QUICK = {"fsync": "off"}
NOBODY = getpwnam("nobody")

USER = """
import asyncio, sys
from pathlib import Path
from storage.embedded import embedded_postgres

async def use() -> None:
    async with embedded_postgres(Path(sys.argv[1]), {"fsync": "off"}) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(use())
"""


class User:
    """Another process that uses the server on a data dir until it is told to stop."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def url(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            return (await self.process.stdout.readline()).decode().strip()

    async def leaves(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()

    async def is_killed(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def another_user(data_dir: Path, *prefix: str) -> AsyncIterator[User]:
    process = await asyncio.create_subprocess_exec(
        *(*prefix, sys.executable, "-c", USER, str(data_dir)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    user = User(process)
    try:
        yield user
    finally:
        await user.leaves()


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path and access for this account only."""
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:
        yield Path(folder)


@pytest.fixture
async def data_dir(home: Path) -> AsyncIterator[Path]:
    """A data dir whose server is stopped at the end."""
    yield home / "data"
    async with embedded_postgres(home / "data", QUICK):
        pass


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        answer: object = await connection.fetchval(question)
        return answer
    finally:
        await connection.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110  what is waited for is outside this process
            await asyncio.sleep(0.02)


async def sleeps(url: str) -> bool:
    return await ask(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1


def modes(*folders: Path) -> list[int]:
    return [folder.stat().st_mode & 0o777 for folder in folders]


def ordinary_account(folder: Path) -> list[str]:
    """A command prefix: as root it runs as `nobody`, who owns `folder`; otherwise as this account."""
    uid, gid = (NOBODY.pw_uid, NOBODY.pw_gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(folder, uid, gid)
    seen = [str(Path(sys.executable).resolve().parent), sys.prefix, str(PROJECT)]
    return [sys.executable, "-I", launch.__file__, "wait", str(uid), str(gid), *seen, "--"]


@contextmanager
def stranger(layout: Layout) -> Iterator[subprocess.Popen[bytes]]:
    """Another process of the server's account."""
    with subprocess.Popen(["sleep", "60"], user=server_account(layout.cluster).uid) as process:
        yield process
        process.terminate()


def server_of(data_dir: Path) -> int:
    pid = postmaster(Layout.of(data_dir))
    assert pid is not None
    return pid


def psql(url: str, question: str) -> str:
    command = [str(find_binaries().folder / "psql"), url, "-XAtc", question]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


PROPERTIES = {
    "current_database()": "turngate",
    "current_user": "turngate",
    "current_setting('server_encoding')": "UTF8",
    "(SELECT datlocale FROM pg_database WHERE datname = 'turngate')": "C.UTF-8",
    "current_setting('data_checksums')": "on",
    "current_setting('listen_addresses')": "",
    "current_setting('max_connections')": "200",
    "current_setting('timezone')": "UTC",
}


async def test_a_new_cluster_has_checksums_utf8_and_a_socket_only(home: Path) -> None:
    """The first start creates a UTF-8 cluster with checksums, reachable by socket only."""
    async with embedded_postgres(home / "data", QUICK) as url:
        assert {name: await ask(url, f"SELECT {name}::text") for name in PROPERTIES} == PROPERTIES


async def test_fsync_is_on_by_default(home: Path) -> None:
    """Commits reach the disk unless configured otherwise."""
    async with embedded_postgres(home / "data") as url:
        assert await ask(url, "SHOW fsync") == "on"


async def test_settings_reach_the_server(home: Path) -> None:
    """The process that starts the server may set its parameters."""
    async with embedded_postgres(home / "data", {"fsync": "off", "work_mem": "5MB"}) as url:
        assert await ask(url, "SHOW work_mem") == "5MB"


@pytest.mark.parametrize("name", ["a b, 50% é+&", "#?;:@ it's", r'quo"te back\slash', "long" * 30])
async def test_any_folder_name_works_in_the_url(name: str, home: Path) -> None:
    """Both asyncpg and libpq find the server, whatever the folder's name."""
    async with embedded_postgres(home / name, QUICK) as url:
        assert (await ask(url, "SELECT 1"), psql(url, "SELECT 2")) == (1, "2")


async def test_a_long_path_gets_a_short_private_socket_folder(home: Path) -> None:
    """A socket path is limited to about 100 bytes: the socket moves to a folder that nobody else can enter."""
    layout = Layout.of(home / ("long" * 30))
    async with embedded_postgres(layout.folder.parent, QUICK):
        assert layout.socket_dir.stat().st_mode & 0o777 == 0o700


async def test_nothing_is_left_outside_the_data_dir(home: Path) -> None:
    """The short socket folder is removed when the server stops."""
    layout = Layout.of(home / ("long" * 30))
    async with embedded_postgres(layout.folder.parent, QUICK):
        pass
    assert not layout.socket_dir.exists()


async def test_a_socket_folder_of_another_account_is_refused(home: Path) -> None:
    """An account that can write beside the socket could impersonate the server."""
    layout = Layout.of(home / ("long" * 30))
    layout.socket_dir.mkdir()
    layout.socket_dir.chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="belongs to someone else"):
        async with embedded_postgres(layout.folder.parent, QUICK):
            pass
    layout.socket_dir.rmdir()


async def test_the_url_is_known_while_the_server_is_stopped(home: Path) -> None:
    """`db url` prints the same URL whether or not a gateway runs."""
    async with embedded_postgres(home / "data", QUICK) as url:
        pass
    assert running_url(home / "data") == url


def test_no_url_before_the_first_start(home: Path) -> None:
    """A data dir without a cluster has no URL."""
    assert running_url(home / "data") is None


async def test_the_server_never_runs_as_root_and_opens_no_folder(home: Path) -> None:
    """Even if root starts it, it runs without privileges, and the folders above it keep their permissions."""
    async with embedded_postgres(home / "data", QUICK):
        server = server_account(Layout.of(home / "data").cluster)
        assert (server.uid != 0, modes(home, home / "data")) == (True, [0o700, 0o700])


async def test_others_cannot_enter_the_servers_folder(home: Path) -> None:
    """The socket asks for no password: its folders protect it."""
    async with embedded_postgres(home / "data", QUICK):
        layout = Layout.of(home / "data")
        assert [mode & 0o007 for mode in modes(layout.folder, layout.socket_dir, layout.cluster)] == [0, 0, 0]


async def test_an_ordinary_account_needs_no_privileges(home: Path) -> None:
    """Started by `nobody` when the tests run as root, by this account otherwise."""
    async with another_user(home / "data", *ordinary_account(home)) as user:
        assert await ask(await user.url(), "SELECT 1") == 1


async def test_two_processes_share_one_server(data_dir: Path) -> None:
    """The second process finds the server of the first."""
    async with another_user(data_dir) as first, another_user(data_dir) as second:
        assert await first.url() == await second.url()
        assert Layout.of(data_dir).log.read_text().count("starting PostgreSQL") == 1


async def test_three_simultaneous_starts_create_one_server(data_dir: Path) -> None:
    """They end with one cluster and one postmaster."""
    async with another_user(data_dir) as one, another_user(data_dir) as two, another_user(data_dir) as three:
        urls = {await user.url() for user in (one, two, three)}
        log = Layout.of(data_dir).log.read_text()
        assert (len(urls), log.count("starting PostgreSQL")) == (1, 1)


async def test_the_server_stays_while_a_user_is_left(data_dir: Path) -> None:
    """A process that leaves stops nothing that another uses."""
    async with embedded_postgres(data_dir, QUICK) as url:
        async with another_user(data_dir) as other:
            await other.url()
        assert await ask(url, "SELECT 1") == 1


async def test_the_last_user_stops_the_server(home: Path) -> None:
    """Afterwards no process is left."""
    async with embedded_postgres(home / "data", QUICK):
        pass
    layout = Layout.of(home / "data")
    assert (postmaster(layout), await is_free(layout.server_lock, within=0.1)) == (None, True)


async def test_a_killed_user_does_not_count(home: Path) -> None:
    """After kill -9 of one user the other is the last, and stops the server."""
    async with another_user(home / "data") as victim:
        await victim.url()
        async with embedded_postgres(home / "data", QUICK):
            await victim.is_killed()
    assert postmaster(Layout.of(home / "data")) is None


async def test_a_killed_gateway_leaves_its_server_to_the_next(data_dir: Path) -> None:
    """The server survives kill -9 of its only user and is reused."""
    async with another_user(data_dir) as victim:
        await victim.url()
        before = server_of(data_dir)
        await victim.is_killed()
    async with embedded_postgres(data_dir, QUICK) as url:
        assert (await ask(url, "SELECT 1"), server_of(data_dir)) == (1, before)


async def test_terminal_signals_do_not_reach_the_server(data_dir: Path) -> None:
    """Ctrl-C goes to the gateway's process group; the server has a session of its own."""
    async with embedded_postgres(data_dir, QUICK):
        assert os.getsid(server_of(data_dir)) != os.getsid(0)


async def test_a_crashed_server_is_recovered(data_dir: Path) -> None:
    """After kill -9 of the server, committed rows are there at the next start."""
    async with embedded_postgres(data_dir) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server_of(data_dir), signal.SIGKILL)
    async with embedded_postgres(data_dir) as url:
        assert await ask(url, "SELECT answer FROM kept") == 42


async def test_a_reused_process_id_is_left_alone(data_dir: Path) -> None:
    """After a reboot the recorded id may belong to any process, which is not stopped."""
    layout = Layout.of(data_dir)
    async with embedded_postgres(data_dir, QUICK):
        recorded = layout.postmaster_pid.read_text().partition("\n")[2]
    with stranger(layout) as process:
        for file in (layout.postmaster_pid, layout.socket.with_name(f"{layout.socket.name}.lock")):
            file.write_text(f"{process.pid}\n{recorded}")
        async with embedded_postgres(data_dir, QUICK) as url:
            assert (await ask(url, "SELECT 1"), process.poll()) == (1, None)


async def test_an_interrupted_creation_starts_again(home: Path) -> None:
    """Files of an unfinished creation are removed."""
    unfinished = Layout.of(home / "data").unfinished_cluster
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    async with embedded_postgres(home / "data", QUICK) as url:
        assert await ask(url, "SELECT 1") == 1


async def test_concurrent_starts_and_stops_are_safe(home: Path) -> None:
    """Last leavers and newcomers race, and every process in use has a server."""

    async def come_and_go() -> list[object]:
        answers = []
        for _ in range(4):
            async with embedded_postgres(home / "data", QUICK) as url:
                answers.append(await ask(url, "SELECT 1"))
        return answers

    assert await asyncio.gather(*(come_and_go() for _ in range(3))) == [[1] * 4] * 3


async def test_a_running_query_does_not_delay_the_stop(home: Path) -> None:
    """Open connections are closed, not waited for: the query would take ten minutes."""
    async with embedded_postgres(home / "data", QUICK) as url:
        sleeper = asyncio.create_task(ask(url, "SELECT pg_sleep(600)"))
        await until(lambda: sleeps(url))
    assert postmaster(Layout.of(home / "data")) is None
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await sleeper


async def test_leaving_a_hung_server_takes_limited_time(data_dir: Path) -> None:
    """An unresponsive server is left running, and the next user takes it over."""
    async with embedded_postgres(data_dir, QUICK):
        hung = server_of(data_dir)
        os.kill(hung, signal.SIGSTOP)
    # It is left running, because it cannot stop.
    os.kill(hung, signal.SIGCONT)
    async with embedded_postgres(data_dir, QUICK) as url:
        assert await ask(url, "SELECT 1") == 1


async def test_a_cancelled_start_leaves_no_server(home: Path) -> None:
    """Ctrl-C during the first start stops the server being started."""

    async def use() -> None:
        async with embedded_postgres(home / "data", QUICK):
            await asyncio.Event().wait()

    layout = Layout.of(home / "data")
    start = asyncio.create_task(use())
    await until(lambda: asyncio.to_thread(layout.unfinished_cluster.exists))
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert await is_free(layout.server_lock, within=DEADLINE_S)


async def test_a_cluster_of_another_version_is_refused(data_dir: Path) -> None:
    """PostgreSQL leaves the files of another version alone, and the error says what to do."""
    async with embedded_postgres(data_dir, QUICK):
        pass
    version = Layout.of(data_dir).cluster / "PG_VERSION"
    ours = version.read_text()
    version.write_text("15\n")
    with pytest.raises(EmbeddedPostgresError, match="was made by PostgreSQL 15"):
        async with embedded_postgres(data_dir, QUICK):
            pass
    version.write_text(ours)


async def test_an_unusable_data_dir_is_refused(home: Path) -> None:
    """The error names the folder and the remedies."""
    (home / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match=r"file/data/postgres cannot be used.*TURNGATE_DATABASE_URL"):
        async with embedded_postgres(home / "file" / "data", QUICK):
            pass


async def test_a_server_that_dies_says_why(data_dir: Path) -> None:
    """The error contains the end of the server's log, at once."""
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)ended while starting.*no_such_setting"):
        async with embedded_postgres(data_dir, {"no_such_setting": "1", **QUICK}):
            pass


async def test_a_file_in_place_of_the_cluster_is_refused(home: Path) -> None:
    """A file that is not a cluster is not replaced, and the error names it."""
    obstacle = Layout.of(home / "data").cluster
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("a file where the cluster belongs")
    with pytest.raises(EmbeddedPostgresError, match="cannot be used"):
        async with embedded_postgres(home / "data", QUICK):
            pass


def test_a_missing_wheel_is_reported() -> None:
    """Without the binaries the error says how to get them, and which alternative there is."""
    with pytest.raises(EmbeddedPostgresMissing, match=r"turngate\[postgres\].*TURNGATE_DATABASE_URL"):
        find_binaries("no_such_wheel")
