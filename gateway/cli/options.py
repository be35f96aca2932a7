"""Options that several commands share, and the settings loaded from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, get_args
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
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")]
OfUser = Annotated[str | None, typer.Option("--user", metavar="U", help="Only this user's; default: everyone's.")]

Role = Literal["user", "operator"]


def whole_number(option: str, least: int, most: int) -> Callable[[str | int], int]:
    """Returns the parser of an option that takes a whole number. It raises `InvalidInput`, and also takes the default."""

    def parse(given: str | int) -> int:
        text = str(given)
        if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
            return int(text)
        raise InvalidInput(f"{option} is {text[:40]!r}; it should be a whole number from {least} to {most}.")

    return parse


def one_of(option: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    """Returns the parser of an option that takes one of a few words. It raises `InvalidInput`."""

    def parse(given: str) -> str:
        if given in allowed:
            return given
        raise InvalidInput(f"{option} is {given[:40]!r}; it should be one of: {', '.join(allowed)}.")

    return parse


role_of = one_of("--role", get_args(Role))


def quiet_settings(config: Path | None, data_dir: Path | None) -> Settings:
    """Loads settings for a short-lived command; only errors are logged. Raises `SettingsError`."""
    settings = load_settings(config, {"data_dir": data_dir})
    configure_logging(settings.log.format, "error")
    return settings


def id_from(listing: str) -> Callable[[str], UUID]:
    """Parses an id that the command `listing` shows; the parser raises `InvalidInput`."""

    def parse(text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            raise InvalidInput(f"{text!r} is not an id. Copy one from `{listing}`.") from None

    return parse
