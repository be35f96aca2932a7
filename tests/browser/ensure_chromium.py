"""Finds or installs a Chromium for browser tests: the system's, Playwright's, or Debian's package when root.

Run as a program, it installs what is missing and prints the path; imported, `find_chromium` only searches.
Needs only the standard library, and no network if a Chromium is present.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
MAC_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# Where `playwright install` unpacks (playwright.dev/python/docs/browsers, "Managing browser binaries").
PLAYWRIGHT_FOLDERS = (".cache/ms-playwright", "Library/Caches/ms-playwright")
PLAYWRIGHT_BINARIES = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium_headless_shell-*/chrome-*/*headless*shell",
)
STARTS_WITHIN_S = 30
INSTALLS_WITHIN_S = 900
CONNECTS_WITHIN_MS = 15_000

REMEDY = (
    "Browser tests need a Chromium, and none was found or could be installed. "
    "Install chromium or google-chrome from your system's packages and run again."
)


def find_chromium() -> Path | None:
    """The first Chromium on this machine that starts, or None."""
    return next((path for path in (*_of_system(), *_of_playwright()) if _starts(path)), None)


def ensure_chromium() -> Path | None:
    """A Chromium that starts, installed if needed; None if every way failed."""
    found = find_chromium()
    if found:
        return found
    for command in _installations():
        _say(f"==> {' '.join(command)}")
        if _run(command) and (found := find_chromium()):
            return found
    return None


def _of_system() -> Iterator[Path]:
    for found in (shutil.which(name) for name in NAMES):
        if found:
            yield Path(found)
    yield from (Path(path) for path in MAC_APPLICATIONS if Path(path).is_file())


def _of_playwright() -> Iterator[Path]:
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    folders: Iterable[Path] = [Path(named)] if named else [Path.home() / folder for folder in PLAYWRIGHT_FOLDERS]
    for folder in folders:
        for pattern in PLAYWRIGHT_BINARIES:
            yield from sorted(folder.glob(pattern), reverse=True)


def _starts(path: Path) -> bool:
    """Starts it: Ubuntu's chromium-browser may be a stub for a snap, and a downloaded one may lack libraries."""
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, timeout=STARTS_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _installations() -> Iterator[Sequence[str]]:
    """Commands to try in turn; later ones depend on what the earlier ones left."""
    playwright = (sys.executable, "-m", "playwright")
    yield (*playwright, "install", "chromium")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    yield ("apt-get", "update")
    if any(_of_playwright()):
        yield (*playwright, "install-deps", "chromium")
    yield ("apt-get", "install", "--yes", "--no-install-recommends", "chromium")


def _run(command: Sequence[str]) -> bool:
    """Runs a command with visible output and no input; False if it fails or takes too long."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": str(CONNECTS_WITHIN_MS)}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            timeout=INSTALLS_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _say(f"{command[0]}: {error}")
        return False
    return done.returncode == 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    chromium = ensure_chromium()
    if chromium is None:
        sys.exit(REMEDY)
    print(chromium)
