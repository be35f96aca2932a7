"""Packages that a test installs: a module and what entry points need to find it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """A folder in `sys.path` that packages can be installed into."""

    folder: Path

    def install(self, package: str, code: str, name: str = "pigeon") -> None:
        """A package whose module `<package>_channel` offers `KIND` as the channel of that name."""
        self._install(package, "channel", code, name)

    def install_agent(self, package: str, code: str, name: str) -> None:
        """A package whose module `<package>_agent` offers `KIND` as the kind of agents of that name."""
        self._install(package, "agent", code, name)

    def _install(self, package: str, what: str, code: str, name: str) -> None:
        (self.folder / f"{package}_{what}.py").write_text(code, encoding="utf-8")
        about = self.folder / f"{package}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        (about / "entry_points.txt").write_text(
            f"[turngate.{what}s]\n{name} = {package}_{what}:KIND\n", encoding="utf-8"
        )
