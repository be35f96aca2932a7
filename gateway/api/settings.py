"""The settings of the HTTP API, and those that its routes read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.core.limits.settings import Limits
from gateway.core.settings import Turns
from gateway.settings import SettingsGroup


def _origin(value: str) -> str:
    scheme, separator, host = value.partition("://")
    if not separator or scheme not in {"http", "https"} or not host or "/" in host:
        raise ValueError(f"{value!r} should be an origin such as https://example.com, without a path")
    return value.lower()


class Web(SettingsGroup):
    """Access from pages of other origins than the gateway's own."""

    allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        (), description="Origins whose pages may embed the widget and call the API."
    )
    anonymous: bool = Field(False, description="Whether visitors of those pages may chat without signing in.")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`host` and `public_url`: the names under which people reach the gateway."""

    host: str
    public_url: str | None
    default_agent: str
    web: Web
    turns: Turns
    limits: Limits
