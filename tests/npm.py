"""Packages of npm that tests need, each set pinned by a `package-lock.json` in its folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path


def install(folder: Path) -> None:
    """Installs the pinned versions, unless they are there. Raises `RuntimeError` that says what is missing."""
    installed = folder / "node_modules" / ".package-lock.json"
    if installed.is_file() and _versions(installed) == _versions(folder / "package-lock.json"):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm was not found in PATH; install Node 20 or newer to run all tests.")
    done = subprocess.run([npm, "ci"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"npm ci failed in {folder}: {done.stderr}")


def _versions(lock: Path) -> dict[str, str]:
    packages = json.loads(lock.read_text())["packages"]
    return {name: package["version"] for name, package in packages.items() if name}
