"""`turngate users`: everything that is stored about a user."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.app.building.stores import open_stores
from gateway.app.building.user_data import documents_of, erasure_of
from gateway.cli.options import ConfigFile, DataDir, quiet_settings
from gateway.cli.output import say
from gateway.cli.work import progress_shown, write
from gateway.config import Settings
from gateway.core.model import UserId
from gateway.errors import InvalidInput

commands = typer.Typer(help="Everything that is stored about a user.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER", help="As `turngate sessions list` shows it.")]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="F", help="File to write to; default: standard output.")
]


@commands.command("export")
def export(user: User, *, output: Output = None, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Write everything a user has as one JSON document; secrets are left out."""
    asyncio.run(_export(quiet_settings(config, data_dir), UserId(user), output))


@commands.command("erase")
def erase(
    user: User,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Remove everything that is kept about a user, for good. May be repeated."""
    if not yes:
        typer.confirm(f"Permanently remove everything that is stored about {user}?", abort=True, err=True)
    asyncio.run(_erase(quiet_settings(config, data_dir), UserId(user)))
    say(f"Everything stored about {user} was removed.")


async def _export(settings: Settings, user_id: UserId, output: Path | None) -> None:
    async with open_stores(settings) as stores:
        with progress_shown("Sessions written") as progress:
            document = documents_of(stores).user(user_id, progress)
            if output is None:
                await write(document, sys.stdout.buffer)
                return
            try:
                with output.open("wb") as file:
                    await write(document, file)
            except OSError as error:
                raise InvalidInput(f"--output {output} cannot be written: {error.strerror}.") from error


async def _erase(settings: Settings, user_id: UserId) -> None:
    async with open_stores(settings) as stores:
        with progress_shown("Sessions removed") as progress:
            erasure = erasure_of(stores)
            await erasure.begin(user_id)
            await erasure.finish(user_id, progress)
