"""The server's main process, as named in its `postmaster.pid`."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from storage.embedded.layout import Layout

PROC = Path("/proc")
STATE = struct.Struct("=QIII")
SHUT_DOWN = 1


def postmaster(layout: Layout) -> int | None:
    """Returns the process id of a server that runs on this cluster, as far as the system can tell."""
    pid = _recorded_pid(layout)
    return pid if pid is not None and _lives(pid) and _serves(pid, layout.cluster) else None


def was_stopped(layout: Layout) -> bool:
    """Whether the server was stopped on purpose: it then records that in its files and removes its pid file.

    In pg_control, the state follows two 32-bit numbers and one 64-bit number, in every PostgreSQL version that we can
    start (src/include/catalog/pg_control.h).
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
    """Removes what a killed server left behind and what would prevent the next start; call it when none of ours is left.

    That is its socket, and a `postmaster.pid` whose number belongs to another process by now. One whose process is
    gone stays: PostgreSQL uses it to look for shared memory still in use.
    """
    if postmaster(layout) is not None:  # started by hand: PostgreSQL will report it
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
    except (ProcessLookupError, PermissionError):  # of another account: not ours, and no obstacle for PostgreSQL
        return False
    return True


def _serves(pid: int, cluster: Path) -> bool:
    """Whether the process is a postmaster on this cluster: it works there, and names it in its command. Without /proc, trusts the file."""
    process = PROC / str(pid)
    try:
        return os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0") or _works_in(process, cluster)
    except OSError:
        return not (PROC / "self").exists()


def _works_in(process: Path, cluster: Path) -> bool:
    """Also finds a server started by hand; root without CAP_SYS_PTRACE may not look."""
    return (process / "cwd").samefile(cluster)
