"""The settings of channels, for the table of networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, JsonValue

from channels.telegram.settings import Telegram


class NetworkSettings(BaseModel):
    """A part for each built-in network, and one for all networks from installed packages."""

    telegram: Telegram = Telegram()
    channels: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,31}$")], dict[str, JsonValue]] = Field(
        default_factory=dict,
        description="`[channels.NAME]` turns on a channel of an installed package, which defines the keys.",
    )
