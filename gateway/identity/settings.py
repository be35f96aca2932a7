"""The settings of logins."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.settings import SettingsGroup, strong_key


class Auth(SettingsGroup):
    """JWTs of your own login. Set `jwt_secret` or `jwks_url`, not both."""

    jwt_secret: SecretStr | None = Field(
        None, description="HS256 secret with which your login signs JWTs: 32 bytes or more."
    )
    jwks_url: str | None = Field(None, description="Where your login publishes its public keys.")
    audience: str | None = Field(None, description="Required `aud` of a JWT.")
    issuer: str | None = Field(None, description="Required `iss` of a JWT.")

    _strong = field_validator("jwt_secret")(strong_key)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.jwt_secret is not None and self.jwks_url is not None:
            raise ValueError("set either jwt_secret or jwks_url, not both")
        return self
