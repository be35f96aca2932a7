"""Makes sure that the tests of poolers have a PgBouncer: the system's, or Debian's package when root.

Run as a program it installs what is missing and prints the path; imported, `find_pgbouncer` only looks.
Needs nothing beyond the standard library, and no network when a PgBouncer is there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

INSTALLS_WITHIN_S = 300
# Debian puts it where an ordinary account's PATH does not lead.
FOLDERS = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"))
INSTALLATIONS = (
    ("apt-get", "update"),
    ("apt-get", "install", "--yes", "--no-install-recommends", "pgbouncer"),
)
REMEDY = (
    "The tests of connection poolers need PgBouncer, and none was found or could be installed. "
    "Install pgbouncer from your system's packages and run again."
)


def find_pgbouncer() -> Path | None:
    """The PgBouncer on this machine, or None."""
    found = shutil.which("pgbouncer", path=FOLDERS)
    return Path(found) if found else None


def ensure_pgbouncer() -> Path | None:
    """A PgBouncer, installed if need be; None when that failed."""
    found = find_pgbouncer()
    if found or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found
    for command in INSTALLATIONS:
        print(f"==> {' '.join(command)}", file=sys.stderr, flush=True)
        _run(command)
    return find_pgbouncer()


def _run(command: Sequence[str]) -> None:
    """Runs a command with its output in view and no input. RUNLEVEL=1 keeps the package from starting its service."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    try:
        subprocess.run(
            command,
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            timeout=INSTALLS_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    pgbouncer = ensure_pgbouncer()
    if pgbouncer is None:
        sys.exit(REMEDY)
    print(pgbouncer)
