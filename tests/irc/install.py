"""Installs examples/irc_channel into an environment of its own: python tests/irc/install.py FOLDER.

What the gateway and its tests need is borrowed from the environment that this runs in; the example, its IRC library and what that needs
are installed as anybody would install them.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "irc_channel"


def install(folder: Path) -> Path:
    """The environment's Python; may be repeated."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    own = Path(_printed(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--python", str(python), "install")
    _run(*pip, "--quiet", "--require-hashes", "--no-deps", "-r", str(EXAMPLE / "requirements.txt"))
    _run(*pip, "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--force-reinstall", str(EXAMPLE))
    return python


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _printed(python: Path, code: str) -> str:
    return subprocess.run((str(python), "-c", code), check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    install(Path(sys.argv[1]))
