"""The account that the server runs under. PostgreSQL refuses to run as root."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int

    def owns(self, path: Path) -> None:
        """Makes this account the owner of `path`."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account(cluster: Path) -> Account:
    """Returns our own account; for root, the cluster's owner, or for a new cluster `nobody` with a group of its own.

    The group keeps other processes of `nobody` out of the server's folder.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if cluster.exists():
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid)
    return Account(pwd.getpwnam("nobody").pw_uid, _unused_gid())


def _unused_gid() -> int:
    taken = {group.gr_gid for group in grp.getgrall()}
    return next(gid for gid in range(64_999, 60_000, -1) if gid not in taken)
