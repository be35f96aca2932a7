"""The rules for migrations of tables in use: each rule, what breaks it, and that no migration does."""

from __future__ import annotations

import re
from itertools import dropwhile

import pytest

from storage.migrating.origin import MIGRATIONS, names
from tests.acceptance.pages import blocks

LOCKED = re.compile(r"^ALTER TABLE (\w+)|REFERENCES (\w+)|^CREATE TRIGGER .* ON (\w+)", re.MULTILINE)
INDEXED = re.compile(r"^CREATE (?:UNIQUE )?INDEX \w+\s+ON (\w+)", re.MULTILINE)
MADE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
CONCURRENTLY = re.compile(
    r"DROP INDEX CONCURRENTLY IF EXISTS (\w+);.*CREATE (?:UNIQUE )?INDEX CONCURRENTLY \1 ", re.DOTALL
)


def complaints(name: str, text: str) -> list[str]:
    """The rules of docs/extending.md that a migration breaks."""
    applied = text.split("-- migrate: rollback", maxsplit=1)[0]
    made = set(MADE.findall(applied))
    locked = {"".join(found) for found in LOCKED.findall(applied)} - made
    after = re.findall(r"^-- after: (\w+)$", text, re.MULTILINE)
    kind = re.match(r"\d{4}_(pre|post)_", name)
    broken = {
        "its name says neither pre nor post": kind is None,
        "only a post migration has a line `-- after`": bool(after) and (kind is None or kind[1] == "pre"),
        "`after` should name a migration before it": any(each >= name for each in after),
        "an index on a table in use is not built concurrently": bool(set(INDEXED.findall(applied)) - made),
        "a concurrent index has to be the only one, and to be dropped first if it is half built": (
            "CONCURRENTLY" in applied
            and not (applied.count("INDEX CONCURRENTLY") == 2 and CONCURRENTLY.search(applied))
        ),
        "a transaction locks more than one table in use": len(locked) > 1 and "-- transaction: false" not in text,
        "a pre migration drops a column, a table or a function": (
            kind is not None and kind[1] == "pre" and re.search(r"DROP (COLUMN|TABLE|FUNCTION)", applied) is not None
        ),
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


INDEX = "CREATE INDEX CONCURRENTLY routes_x ON routes (route);"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("0017_notes", "SELECT 1;", "neither pre nor post"),
        ("0017_pre_notes", "-- after: 0016_erasure\nSELECT 1;", "only a post migration"),
        ("0017_post_notes", "-- after: 0018_pre_later\nSELECT 1;", "a migration before it"),
        ("0017_pre_notes", "CREATE INDEX routes_x\n    ON routes (route);", "not built concurrently"),
        ("0017_pre_notes", INDEX, "dropped first"),
        ("0017_pre_notes", f"DROP INDEX CONCURRENTLY IF EXISTS routes_y;\n{INDEX}", "dropped first"),
        ("0017_pre_notes", "ALTER TABLE turns ADD x int;\nALTER TABLE routes ADD x int;", "locks more than one"),
        ("0017_pre_notes", "ALTER TABLE turns DROP COLUMN error;", "drops a column"),
        ("0017_pre_notes", "DROP FUNCTION write_state(text);", "drops a column"),
    ],
)
def test_each_broken_rule_is_reported(name: str, text: str, complaint: str) -> None:
    """Each by itself."""
    [found] = complaints(name, text)
    assert complaint in found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("0017_pre_notes", "CREATE TABLE notes (x int REFERENCES turns);\nCREATE INDEX notes_x ON notes (x);"),
        ("0017_pre_notes", f"DROP INDEX CONCURRENTLY IF EXISTS routes_x;\n{INDEX}"),
        ("0017_pre_notes", "-- transaction: false\nALTER TABLE turns ADD x int;\nALTER TABLE routes ADD x int;"),
        ("0017_post_notes", "-- after: 0016_erasure\nALTER TABLE turns DROP COLUMN error;"),
    ],
)
def test_valid_migrations_are_accepted(name: str, text: str) -> None:
    """Even those that look like a breach: new tables are unused, and outside a transaction locks do not add up."""
    assert complaints(name, text) == []


def test_the_migrations_follow_the_rules() -> None:
    """Those since the first version, and the example in docs/extending.md."""
    shown = [block.text for block in blocks("sql") if block.page == "docs/extending.md"]
    texts = dict(zip(("0042_pre_example", "0043_post_example"), shown, strict=True))
    texts |= {name: (MIGRATIONS / f"{name}.sql").read_text() for name in _later()}
    assert [(name, complaints(name, text)) for name, text in texts.items() if complaints(name, text)] == []


def _later() -> list[str]:
    """From the first pre or post migration on. Files before that alter the tables from before channels, which no gateway uses."""
    since_then = dropwhile(lambda name: re.match(r"\d{4}_(pre|post)_", name) is None, names(MIGRATIONS))
    return list(since_then)
