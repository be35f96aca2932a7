"""Chat commands, the same on every channel: their names, and how a text is parsed as one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CommandName = Literal["new", "stop", "status", "sessions", "resume", "title", "fork", "agent", "link", "unlink", "help"]

HELP: dict[CommandName, str] = {
    "new": "Start a new conversation; any text after it becomes the first message",
    "stop": "Stop the answer that is being written",
    "status": "Show which conversation this is",
    "sessions": "List your latest conversations, from everywhere",
    "resume": "Continue one of them here: /resume 2",
    "title": "Name this conversation: /title Holiday plans",
    "fork": "Continue in a copy of this conversation; the original stays as it is",
    "agent": "Show the agents, or choose one for a new conversation: /agent name",
    "link": "Link your account on another network, or redeem its code: /link code",
    "unlink": "Remove a link",
    "help": "Show these commands",
}
WITH_WORDS: frozenset[CommandName] = frozenset({"new", "title", "resume", "agent", "link", "unlink"})
"""Commands that take text after them."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the text after it."""

    name: CommandName
    rest: str

    @property
    def begins_with_message(self) -> bool:
        """`/new` with text after it: the text is a message to the agent. All other commands are answered with a notice."""
        return self.name == "new" and bool(self.rest)

    @property
    def outlives_token(self) -> bool:
        """Whether the command affects more than a conversation."""
        return self.name in {"link", "unlink"}


def parse_command(text: str) -> Command | None:
    """Returns the command that a text contains; None for any other text, which goes to the agent."""
    if not text.lstrip().startswith("/"):
        return None
    word, *behind = text.split(maxsplit=1)
    rest = behind[0].strip() if behind else ""
    for name in HELP:
        if word.casefold() == f"/{name}" and _takes(name, rest):
            return _after_new(rest) if name == "new" else Command(name, rest)
    return None


def _after_new(rest: str) -> Command:
    """Text after `/new` is a message, except a code for `/link`."""
    word, *behind = rest.split(maxsplit=1) or [""]
    return Command("link", "".join(behind)) if word.casefold() == "/link" else Command("new", rest)


def _takes(name: CommandName, rest: str) -> bool:
    """`/link` takes any text, so that a code never goes to an agent."""
    if name == "unlink":
        return not rest or (rest.isascii() and rest.isdigit())
    return name in WITH_WORDS or not rest
