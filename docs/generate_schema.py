"""Writes `docs/schema.sql`: what the migrations make of an empty database. `tests/integration/storage/test_schema.py` compares the two."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import asyncpg

from storage.embedded import embedded_postgres
from storage.migrating.migrate import migrate
from storage.migrating.schema import described

PAGE = Path(__file__).with_name("schema.sql")


async def page() -> str:
    """The whole schema, of a server that lives as long as this takes."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_postgres(Path(folder) / "postgres", {"fsync": "off"}) as url:
            await migrate(url)
            connection = await asyncpg.connect(url)
            try:
                return await described(connection)
            finally:
                await connection.close()


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(page()), encoding="utf-8")
