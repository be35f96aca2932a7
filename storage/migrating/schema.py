"""Prints the schema of a database as readable SQL, from the catalogue: the format does not depend on a version of `pg_dump`."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import AsyncIterator

from asyncpg import Connection, Record

from storage.queries import load_queries

SQL = load_queries("schema")
HEAD = """-- The schema as the migrations leave it: domains, tables with what belongs to them, types, functions. Made by `make schema`.
-- The reasons are in migrations/. The compression of columns is left out: it depends on the server.

CREATE EXTENSION pg_trgm SCHEMA public;
"""
WIDTH = 120
CLAUSES = re.compile(r" (?=(?:USING|WHERE|FOR EACH ROW|WITH CHECK|EXECUTE) )")


async def described(connection: Connection[Record]) -> str:
    """Describes everything that migrations created in the schema `public`, in a stable order."""
    async with connection.transaction(readonly=True):
        # Postgres omits the schema of names that it finds on the search path.
        await connection.execute("SET LOCAL search_path = public")
        domains = [row["line"] for row in await connection.fetch(SQL["domains"])]
        relations = [block async for block in _relations(connection)]
        types = [
            _in_parentheses(f"CREATE TYPE {row['name']} AS", row["lines"])
            for row in await connection.fetch(SQL["types"])
        ]
        functions = [_function(row) for row in await connection.fetch(SQL["functions"])]
    return "\n\n".join([HEAD.rstrip(), *domains, *relations, *types, *functions]) + "\n"


async def _relations(connection: Connection[Record]) -> AsyncIterator[str]:
    inside = _by_name(await connection.fetch(SQL["columns"]))
    behind = _by_name(await connection.fetch(SQL["attached"]))
    for row in await connection.fetch(SQL["relations"]):
        yield "\n".join([_relation(row, inside[row["name"]]), *map(_in_lines, behind[row["name"]])])


def _by_name(rows: list[Record]) -> defaultdict[str, list[str]]:
    lines = defaultdict[str, list[str]](list)
    for row in rows:
        lines[row["name"]].append(row["line"])
    return lines


def _relation(row: Record, inside: list[str]) -> str:
    name = row["name"]
    if row["is_view"]:
        return f"CREATE VIEW {name}{row['options']} AS\n{row['definition']}"
    made = _in_parentheses(f"CREATE TABLE {name}", inside).removesuffix(";") + f"{row['options']};"
    security = f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    return f"{made}\n{security}" if row["is_protected"] else made


def _in_parentheses(head: str, lines: list[str]) -> str:
    return f"{head} (\n" + ",\n".join(f"    {line}" for line in lines) + "\n);"


def _function(row: Record) -> str:
    head, _, body = row["definition"].rstrip().partition("\n")
    head = head.replace("CREATE OR REPLACE FUNCTION public.", "CREATE FUNCTION ")
    told = [textwrap.fill(head, WIDTH, subsequent_indent="    ", break_on_hyphens=False), f"{body};"]
    if row["owner"] is not None:
        told.append(f"ALTER FUNCTION {row['signature']} OWNER TO {row['owner']};")
    if row["grantees"] is not None:
        told.append(f"REVOKE EXECUTE ON FUNCTION {row['signature']} FROM PUBLIC;")
        told.append(f"GRANT EXECUTE ON FUNCTION {row['signature']} TO {', '.join(row['grantees'])};")
    return "\n".join(told)


def _in_lines(statement: str) -> str:
    return statement if len(statement) <= WIDTH else CLAUSES.sub("\n    ", statement)
