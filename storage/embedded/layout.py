"""The files of the embedded server, and the URL derived from them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from storage.embedded.account import Account
from storage.embedded.errors import EmbeddedPostgresError

PORT = 5432
SOCKET_PATH_MAX = 100  # bytes; sun_path holds 104 on macOS and 108 on Linux, including the final NUL


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one server. `folder` is the server's own part of the data dir."""

    folder: Path

    @classmethod
    def of(cls, data_dir: Path) -> Layout:
        return cls(data_dir.expanduser().resolve() / "postgres")

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def unfinished_cluster(self) -> Path:
        return self.folder / "cluster.new"

    @property
    def postmaster_pid(self) -> Path:
        return self.cluster / "postmaster.pid"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def gate_lock(self) -> Path:
        """Held by the process that starts or stops the server."""
        return self.folder / "gate.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by the server's users."""
        return self.folder / "users.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server's own processes: if it is free, none of them is left."""
        return self.folder / "server.lock"

    @property
    def socket_record(self) -> Path:
        return self.folder / "socket_dir"

    @property
    def socket_dir(self) -> Path:
        """Inside `folder`, or a short private folder elsewhere, as recorded at the first start."""
        own = self.folder / "socket"
        if _fits(own):
            return own
        if self.socket_record.exists():
            return Path(self.socket_record.read_text("utf-8"))
        return self._short_socket_dir()

    def _short_socket_dir(self) -> Path:
        name = "turngate-" + hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return next(path for path in (Path(tempfile.gettempdir(), name), Path("/tmp", name)) if _fits(path))  # noqa: S108  ours alone, see make_socket_dir

    @property
    def socket(self) -> Path:
        return self.socket_dir / f".s.PGSQL.{PORT}"

    @property
    def url(self) -> str:
        """For asyncpg and libpq; it includes the port so that PGPORT cannot change it."""
        return self.url_of("turngate")

    def url_of(self, database: str) -> str:
        return self.url_as("turngate", database)

    def url_as(self, user: str, database: str = "turngate") -> str:
        """The URL for one of the server's logins; `turngate` owns everything."""
        return f"postgresql://{user}@/{database}?host={quote(os.fsencode(self.socket_dir))}&port={PORT}"

    def make_folder(self, account: Account) -> None:
        """Creates the server's folder, which only we and, if we are root, the server's account can enter."""
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(mode=0o700)
            if os.geteuid() != account.uid:
                os.chown(self.folder, 0, account.gid)
                self.folder.chmod(0o710)

    def make_socket_dir(self, account: Account) -> None:
        """Creates the socket's folder, which only the server's account can enter: the socket asks for no password."""
        path = self.socket_dir
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if path.lstat().st_uid == os.geteuid():
            account.owns(path)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or stat.S_IMODE(found.st_mode) & 0o077:
            raise EmbeddedPostgresError(
                f"{path} should be a private folder for the database's socket, but it belongs to someone else. "
                "Remove it, or choose a data dir with a shorter path."
            )
        if path.parent != self.folder:
            self.socket_record.write_text(str(path), "utf-8")

    def remove_foreign_socket_dir(self) -> None:
        """Leaves nothing behind outside the data dir. The next start recreates the recorded folder."""
        if self.socket_dir.parent != self.folder:
            shutil.rmtree(self.socket_dir, ignore_errors=True)


def _fits(folder: Path) -> bool:
    """Whether the path of a socket in `folder` is short enough, and has no comma that would make it a list."""
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= SOCKET_PATH_MAX and b"," not in path
