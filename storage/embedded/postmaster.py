"""The server's main process, as its `postmaster.pid` names it."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from storage.embedded.layout import Layout

PROC = Path("/proc")
STATE = struct.Struct("=QIII")
SHUT_DOWN = 1


def postmaster(layout: Layout) -> int | None:
    """The process id of a server that lives on this cluster, as far as the system can tell."""
    pid = _recorded_pid(layout)
    return pid if pid is not None and _lives(pid) and _serves(pid, layout.cluster) else None


def was_stopped(layout: Layout) -> bool:
    """Whether the server ended because somebody told it to: it then says so in its files, and takes its pid away.

    The state stands after two 32-bit and one 64-bit numbers in pg_control, for as long as there has been a PostgreSQL that
    we can start (src/include/catalog/pg_control.h).
    """
    if layout.postmaster_pid.exists():
        return False
    try:
        with (layout.cluster / "global" / "pg_control").open("rb") as file:
            head = file.read(STATE.size)
    except FileNotFoundError:
        return False
    return len(head) == STATE.size and STATE.unpack(head)[-1] == SHUT_DOWN


def forget_ended_server(layout: Layout) -> None:
    """Removes what a killed server left and would keep the next from starting; call it when none of ours is left.

    That is its socket, and a `postmaster.pid` whose number belongs to another process by now. One whose process is
    gone stays: PostgreSQL looks into it for shared memory still in use.
    """
    if postmaster(layout) is not None:  # started by hand: PostgreSQL will say so
        return
    layout.socket.unlink(missing_ok=True)
    layout.socket.with_name(f"{layout.socket.name}.lock").unlink(missing_ok=True)
    pid = _recorded_pid(layout)
    if pid is not None and _lives(pid):
        layout.postmaster_pid.unlink()


def _recorded_pid(layout: Layout) -> int | None:
    try:
        first = layout.postmaster_pid.read_text("utf-8").partition("\n")[0]
    except FileNotFoundError:
        return None
    return int(first) if first.isdigit() else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):  # of another account: not ours, and no hindrance to PostgreSQL
        return False
    return True


def _serves(pid: int, cluster: Path) -> bool:
    """A postmaster works inside its cluster, and names it in its command. Without /proc the file is believed."""
    process = PROC / str(pid)
    try:
        return os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0") or _works_in(process, cluster)
    except OSError:
        return not (PROC / "self").exists()


def _works_in(process: Path, cluster: Path) -> bool:
    """Finds a server started by hand, too; a root without CAP_SYS_PTRACE may not look."""
    return (process / "cwd").samefile(cluster)
