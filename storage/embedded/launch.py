"""Runs a program of PostgreSQL as another account, from root, without opening a folder to anyone.

    python -I -S launch.py (wait|detach) UID GID FOLDER... -- COMMAND...

A script for a process of its own: it needs the standard library only and ends in `exec`. With `detach` it returns at
once and leaves the command without a parent that could outlive, reap or interrupt it.

Where the account cannot enter one of the FOLDERs (a data dir below /root, say), the process keeps one capability
of root's: to read and traverse any folder; where the container withholds that one, to pass permission checks
altogether. See capabilities(7), "Ambient".
"""

from __future__ import annotations

import ctypes
import os
import sys

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2


class CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class CapabilitySet(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def main(arguments: list[str]) -> None:
    border = arguments.index("--")
    mode, uid, gid, *folders = arguments[:border]
    command = arguments[border + 1 :]
    if mode == "detach" and os.fork():
        return
    if int(uid) != os.geteuid():
        become(int(uid), int(gid), folders)
    os.execv(command[0], command)  # noqa: S606  no shell is wanted


def become(uid: int, gid: int, folders: list[str]) -> None:
    if can_enter(uid, gid, folders):
        drop(uid, gid)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    capability = traversing_capability(libc)
    # initdb calls access(2) for its programs, which ignores the capabilities otherwise; if this fails, the rest still works
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    drop(uid, gid)
    mask = 1 << capability
    sets = (CapabilitySet * 2)(CapabilitySet(mask, mask, mask))
    checked(libc.capset(ctypes.byref(CapabilityHeader(CAPABILITY_VERSION_3, 0)), sets))
    checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def can_enter(uid: int, gid: int, folders: list[str]) -> bool:
    """Tests this in a child process that runs as that account."""
    child = os.fork()
    if child == 0:
        drop(uid, gid)
        os._exit(0 if all(os.access(folder, os.R_OK | os.X_OK) for folder in folders) else 1)
    return os.waitpid(child, 0)[1] == 0


def drop(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def traversing_capability(libc: ctypes.CDLL) -> int:
    """Returns the weaker of the two capabilities that root has here."""
    sets = (CapabilitySet * 2)()
    checked(libc.capget(ctypes.byref(CapabilityHeader(CAPABILITY_VERSION_3, 0)), sets))
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if sets[0].permitted & 1 << capability:
            return capability
    raise PermissionError("this root lacks the capability to let PostgreSQL into folders that only root may enter")


def checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, AttributeError) as error:  # AttributeError: a system without capabilities
        sys.exit(f"PostgreSQL could not be started as an unprivileged account: {error}")
