"""Text after commands that take a number, or nothing."""

from __future__ import annotations

import pytest

from gateway.core.commands import Command, parse_command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/unlink", Command("unlink", "")),
        ("/unlink 12", Command("unlink", "12")),
        ("/unlink now", None),
        ("/unlink 2 please", None),
        ("/sessions of last week", None),
        ("/status quo", None),
        ("/help me", None),
        ("/link two words", Command("link", "two words")),
        ("/new /LINK code", Command("link", "code")),
        ("/new /link", Command("link", "")),
        ("/new /linked list", Command("new", "/linked list")),
        ("/new", Command("new", "")),
    ],
)
def test_what_a_command_does_not_take_is_for_the_agent(text: str, command: Command | None) -> None:
    """Except text that may be a code: `/link` explains its usage."""
    assert parse_command(text) == command
