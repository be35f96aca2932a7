"""`turngate migrate` and `turngate db`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gateway.app.building.stores import database_url, pending_migrations
from gateway.app.building.stores import migrate as apply_migrations
from gateway.cli.options import ConfigFile, DataDir, quiet_settings
from gateway.cli.output import say
from gateway.log import configure_logging

commands = typer.Typer(help="The database that the gateway uses.", no_args_is_help=True)
Check = Annotated[
    bool, typer.Option("--check", help="Change nothing; exit 1 if any migration is pending, including post migrations.")
]


def migrate(*, config: ConfigFile = None, data_dir: DataDir = None, check: Check = False) -> None:
    """Bring the database's schema up to date; prints what was applied."""
    settings = quiet_settings(config, data_dir)
    if not check:
        # An index may take minutes: the log reports the progress.
        configure_logging(settings.log.format, "info")
    names = asyncio.run(pending_migrations(settings) if check else apply_migrations(settings))
    for name in names:
        typer.echo(name)
    if not check:
        say(f"{len(names)} applied." if names else "No migrations to apply.")
        return
    say(f"{len(names)} pending." if names else "No migrations are pending.")
    raise typer.Exit(1 if names else 0)


@commands.command("url")
def url(config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Print the Postgres URL in use, embedded or configured, password included."""
    typer.echo(database_url(quiet_settings(config, data_dir)))
