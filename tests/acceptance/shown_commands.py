"""Checks commands that a page shows but no test runs: they and their options must exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import takewhile
from pathlib import PurePath

import typer.core
import typer.main

from gateway.cli.commands import tree
from tests.acceptance.pages import ROOT

ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=")
SUBSTITUTION = re.compile(r"\$\(([^()]+)\)")
BREAKS = frozenset({"&&", "||", "|", ";"})
OTHERS = frozenset({".", "cd", "curl", "docker", "git", "pg_dump", "pg_restore", "pip", "pytest"})
"""Programs that are not ours."""
TARGETS = frozenset(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def commands_in(script: str) -> Iterator[list[str]]:
    """The words of each command, including those inside `$(…)`."""
    for line in script.replace("\\\n", " ").splitlines():
        for inner in SUBSTITUTION.findall(line):
            yield from commands_in(inner)
        words = _words(line)
        while words:
            command = list(takewhile(lambda word: word not in BREAKS, words))
            words = words[len(command) + 1 :]
            if command:
                yield command


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def settings_in(script: str) -> dict[str, str]:
    """The `TURNGATE_…` variables that a script sets."""
    words = (word for command in commands_in(script) for word in command)
    pairs = (word.partition("=") for word in words if word.startswith("TURNGATE_") and "=" in word)
    return {name: value for name, _, value in pairs}


def complaint_about(command: Sequence[str]) -> str | None:
    """What is wrong with a command; None when it exists as shown."""
    words = [word for word in command if not ASSIGNMENT.match(word)]
    if not words:
        return None
    program, arguments = PurePath(words[0]).name, words[1:]
    if words[0] == "." or program in OTHERS:
        return None
    if program == "make":
        return next((f"make has no target {word}" for word in arguments if word not in TARGETS), None)
    if program == "turngate":
        return _complaint_about_turngate(arguments)
    if program in {"python", "python3"} and arguments[:1] == ["-m"]:
        return None if find_spec(arguments[1]) else f"there is no module {arguments[1]}"
    return f"{program} is not known here"


def _complaint_about_turngate(arguments: Sequence[str]) -> str | None:
    command: typer.core.TyperGroup | object = typer.main.get_command(tree())
    rest = list(arguments)
    while isinstance(command, typer.core.TyperGroup) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return f"turngate has no command {name}"
        command = command.commands[name]
    known = {option for parameter in getattr(command, "params", ()) for option in parameter.opts} | {"--help"}
    options = (word.partition("=")[0] for word in rest if word.startswith("--"))
    return next((f"turngate {arguments[0]} has no option {word}" for word in options if word not in known), None)
