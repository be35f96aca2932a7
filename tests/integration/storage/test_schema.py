"""`docs/schema.sql` shows the schema as it is now."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import asyncpg

from storage.migrating.schema import described

PAGE = Path(__file__).parents[3] / "docs" / "schema.sql"


async def test_the_schema_page_matches_the_migrations(database_url: str) -> None:
    """A change of a migration needs `make schema`, too."""
    connection = await asyncpg.connect(database_url)
    made = await described(connection)
    await connection.close()
    difference = list(
        unified_diff(PAGE.read_text().splitlines(), made.splitlines(), "docs/schema.sql", "migrations", lineterm="")
    )
    assert not difference, "\n".join(["docs/schema.sql is out of date. Run: make schema", *difference[:40]])
