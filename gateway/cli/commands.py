"""The tree of commands."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from gateway.errors import GatewayError

COMMANDS = {
    "serve": "running:serve",
    "migrate": "database:migrate",
    "sign-in": "sign_in:sign_in",
    "doctor": "doctor:doctor",
    "agents": "agents:commands",
    "token": "tokens:commands",
    "sessions": "sessions:commands",
    "schedules": "schedules:commands",
    "users": "users:commands",
    "usage": "usage:usage",
    "db": "database:commands",
}
"""Where each command is: a module beside this one, and a function or a group of commands in it."""


def run(words: Sequence[str]) -> None:
    """Runs a command. Prints expected errors to standard error, without a traceback; exit code 1."""
    # Imports only what is needed; a first word that is no command gets help about all of them.
    asked = [word for word in words[:1] if word in COMMANDS]
    try:
        tree(asked or COMMANDS)(words, prog_name="turngate")
    except GatewayError as error:
        print(error, file=sys.stderr)  # noqa: T201 - speaking to people is what a command line is for
        sys.exit(1)


def tree(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Builds `turngate` with the commands of these names. Importing all of them takes a second."""
    app = typer.Typer(
        help="Turngate, a multi-channel bot gateway: Telegram, web chat and schedules in one Postgres table of sessions.",
        epilog="Settings come from turngate.toml and TURNGATE_… variables; docs/settings.md lists them. None is required.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(turngate)
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(f"gateway.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        typer.echo(f"turngate {version('turngate')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
]


def turngate(*, _version: Version = False) -> None:
    # Makes a tree of one command still expect that command's name.
    pass
