"""The layout of the code."""

from __future__ import annotations

import re
from pathlib import Path

from bench.house import look
from channels.table import NETWORKS

VENDORS = (
    *NETWORKS,
    *("discord", "irc", "matrix", "signal", "slack", "whatsapp"),
    *("agno", "anthropic", "claude", "gemini", "langchain", "langgraph", "ollama", "openai", "pydantic.?ai"),
    *("aiohttp", "ai.sdk", "apscheduler", "asyncpg", "postgres", "psycopg", "uvloop", "vercel"),
)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Neither at run time nor for types: `python -m bench house` names the cycle."""
    assert look(Path(__file__).parents[2]).circle == ()


def test_the_core_names_no_vendor() -> None:
    """Not in code, strings or comments: a network, an agent's library or the database is named by the room that uses it."""
    vendor = re.compile(rf"(?<![a-z])({'|'.join(VENDORS)})(?![a-z])", re.IGNORECASE)
    core = Path(__file__).parents[2] / "gateway" / "core"
    lines = [(file, line) for file in core.rglob("*.py") for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines
    assert [f"{file.relative_to(core)}: {line.strip()}" for file, line in lines if vendor.search(line)] == []
