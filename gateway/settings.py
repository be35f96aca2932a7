"""Base classes for the settings of every package; `gateway/config.py` combines them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr

SHORTEST_KEY = 32
"""Bytes."""


class SettingsGroup(BaseModel):
    """A group of settings; unknown keys are errors, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelSettings(SettingsGroup):
    """The settings of a channel that a package brings; the model for `[channels.NAME]` derives from this.

    A variable such as TURNGATE_CHANNELS__IRC__PASSWORD=123 is read as a number and may be meant as text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class AgentSettings(SettingsGroup):
    """The keys of a kind of agent that a package brings, besides those that every agent has; its own model derives from this.

    A variable such as TURNGATE_AGENTS__WEATHER__KEY=123 is read as a number and may be meant as text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def strong_key(value: SecretStr | None) -> SecretStr | None:
    """RFC 7518, section 3.2: a key for HS256 is at least as long as its hash."""
    if value is not None and len(value.get_secret_value().encode()) < SHORTEST_KEY:
        raise ValueError(f"should be at least {SHORTEST_KEY} bytes long; create one with: openssl rand -hex 32")
    return value


def http_url(value: str) -> str:
    """Returns the URL unchanged. Raises `ValueError` for any other text."""
    if not value.startswith(("http://", "https://")) or not value.partition("://")[2].strip("/"):
        raise ValueError(f"{value!r} should be a URL such as https://chat.example.com")
    return value
