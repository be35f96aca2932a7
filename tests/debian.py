"""Programs that tests need: the system's, or Debian's package when root.

`python -m tests.debian NAME` installs what is missing and prints its path; imported, `find_program` only looks.
Needs nothing beyond the standard library, and no network when the program is there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

INSTALLS_WITHIN_S = 300
# Debian puts servers where an ordinary account's PATH does not lead.
FOLDERS = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"))
REMEDY = "The tests need {name}, and none was found or could be installed. Install it from your system's packages and run again."


def find_program(name: str) -> Path | None:
    """The program on this machine, or None."""
    found = shutil.which(name, path=FOLDERS)
    return Path(found) if found else None


def ensure_program(name: str) -> Path | None:
    """The program, installed from the package of its name if need be; None when that failed."""
    found = find_program(name)
    if found or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found
    for command in (("apt-get", "update"), ("apt-get", "install", "--yes", "--no-install-recommends", name)):
        print(f"==> {' '.join(command)}", file=sys.stderr, flush=True)
        _run(command)
    return find_program(name)


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
    program = ensure_program(sys.argv[1])
    if program is None:
        sys.exit(REMEDY.format(name=sys.argv[1]))
    print(program)
