"""`turngate usage`: a table for people, JSON for scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shell import Shell
from tests.world import World

ROWS = (
    "INSERT INTO usage_days (day, chat_id, agent_name, channel, model, user_id, turns, input_tokens, output_tokens, cost)"
    " VALUES ('2026-03-01', gen_random_uuid(), 'assistant', 'web', 'gpt-4o', 'mia', 2, 12000, 300, 0.25),"
    " ('2026-03-02', gen_random_uuid(), 'assistant', 'telegram', 'own', 'tom', 1, 5, 7, NULL)"
)
PERIOD = ("--since", "2026-03-01", "--until", "2026-03-02")


@pytest.fixture
async def shell(world: World, database_url: str, tmp_path: Path) -> Shell:
    """A shell on a database with the usage of two users."""
    await world.rows(ROWS)
    return Shell(tmp_path, database_url)


async def test_a_table_with_a_total(shell: Shell) -> None:
    """An unknown cost is a dash, and not part of the sum."""
    ran = await shell.runs("usage", "--by", "day,user", *PERIOD)
    head, *rows = [line.split() for line in ran.out.splitlines()]
    assert head == ["user", "day", "turns", "input", "tokens", "output", "tokens", "cost", "in", "$"]
    assert rows == [
        ["tom", "2026-03-02", "1", "5", "7", "–"],
        ["mia", "2026-03-01", "2", "12,000", "300", "0.2500"],
        ["total", "3", "12,005", "307", "0.2500"],
    ]


async def test_one_document_for_scripts(shell: Shell) -> None:
    """As `GET /api/usage` answers it."""
    summary = (await shell.runs("usage", "--by", "model", "--user", "mia", "--json", *PERIOD)).json
    (group,) = summary["groups"]
    assert (summary["since"], summary["until"], summary["more"]) == ("2026-03-01", "2026-03-02", False)
    assert {name for name, value in group.items() if value is not None} == {"model", *summary["total"]}
    assert (group["model"], summary["total"]["cost"]) == ("gpt-4o", 0.25)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--by", "country"), "--by is 'country'"),
        (("--since", "May"), "--since is 'May'"),
        (("--limit", "0"), "--limit is '0'"),
        (("--until", "2026-03-01", "--since", "2026-03-02"), "should not be after"),
    ],
)
async def test_an_option_that_cannot_be_used_is_named(shell: Shell, words: tuple[str, ...], told: str) -> None:
    """On standard error, with what is allowed."""
    ran = await shell.runs("usage", *words)
    assert ran.code != 0
    assert told in ran.err


async def test_without_usage_it_says_where_usage_comes_from(shell: Shell) -> None:
    """An empty table would say nothing."""
    ran = await shell.runs("usage")
    assert (ran.code, ran.out) == (0, "")
    assert "No usage from" in ran.err
