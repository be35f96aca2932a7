"""The settings of the Telegram channel."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from gateway.settings import SettingsGroup, http_url

WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")


def _webhook_secret(value: SecretStr | None) -> SecretStr | None:
    """Bot API, setWebhook, `secret_token`: 1 to 256 characters; fewer than 16 could be guessed."""
    if value is not None and not WEBHOOK_SECRET.fullmatch(value.get_secret_value()):
        raise ValueError(
            "should be 16 to 256 characters of A-Z, a-z, 0-9, _ and -; create one with: openssl rand -hex 32"
        )
    return value


class Telegram(SettingsGroup):
    """The Telegram channel; off without a token."""

    token: SecretStr | None = Field(
        None, description="The bot's token from @BotFather; without one the channel is off."
    )
    api_url: Annotated[str, AfterValidator(http_url)] = Field(
        "https://api.telegram.org", description="Bot API server; `/bot<token>/<method>` is appended."
    )
    mode: Literal["polling", "webhook"] = Field("polling", description="How updates come in.")
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that Telegram repeats with each webhook call: 16 to 256 letters, digits, `_` and `-`."
    )
    access: Literal["linked", "open", "allowlist"] = Field(
        "linked", description="Who may chat: linked users, everybody, or those in `allow`."
    )
    allow: tuple[str, ...] = Field((), description="Telegram user ids, or `id=user` to map them to a user.")

    _strong = field_validator("webhook_secret")(_webhook_secret)

    @model_validator(mode="before")
    @classmethod
    def _ids_as_text(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("allow"), list):
            return {**data, "allow": [str(entry) if isinstance(entry, int) else entry for entry in data["allow"]]}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.token is not None and not _is_bot_token(self.token.get_secret_value()):
            raise ValueError("token should look like 123456:ABC-DEF, as @BotFather gave it")
        if self.access == "allowlist" and not self.allow:
            raise ValueError('access = "allowlist" needs at least one entry in allow')
        if self.mode == "webhook" and self.webhook_secret is None:
            raise ValueError('mode = "webhook" needs webhook_secret')
        for entry in self.allow:
            number, _, user = entry.partition("=")
            if not number.lstrip("-").isdigit() or ("=" in entry and not user):
                raise ValueError(f"allow holds {entry!r}; each entry should be a Telegram id or id=user")
        return self


def _is_bot_token(token: str) -> bool:
    number, colon, secret = token.partition(":")
    return bool(colon) and number.isdigit() and bool(secret)
