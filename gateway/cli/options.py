"""Options that several commands share, and the settings loaded from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from gateway.config import Settings, load_settings
from gateway.errors import InvalidInput
from gateway.log import configure_logging

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="F", help="Settings file; default: turngate.toml, if there is one.")
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="D", help="Where the embedded database and the secret key live."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
OfUser = Annotated[str | None, typer.Option("--user", metavar="U", help="Only this user's; default: everyone's.")]


def quiet_settings(config: Path | None, data_dir: Path | None) -> Settings:
    """Loads settings for a short-lived command; only errors are logged. Raises `SettingsError`."""
    settings = load_settings(config, {"data_dir": data_dir})
    configure_logging(settings.log.format, "error")
    return settings


def id_of(text: str) -> UUID:
    """The id of a token or a schedule. Raises `InvalidInput`."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is not an id. Copy one from `turngate token list` or `turngate schedules list`."
        ) from None
