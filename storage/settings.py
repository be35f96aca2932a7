"""The settings of the database's logins."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from gateway.settings import SettingsGroup


class DatabaseLogins(SettingsGroup):
    """Separate logins for the gateway's two roles, needed behind a connection pooler; both or neither.

    Without them the login of `database_url` takes each role, which needs direct connections.
    """

    app_url: SecretStr | None = Field(
        None, description="URL that signs in as `turngate_app`, which sees one user's rows."
    )
    system_url: SecretStr | None = Field(None, description="URL that signs in as `turngate_system`.")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.app_url is None) != (self.system_url is None):
            raise ValueError("set app_url and system_url, or neither")
        for name, url in (("app_url", self.app_url), ("system_url", self.system_url)):
            if url is not None and not is_postgres(url):
                raise ValueError(f"{name} should begin with postgresql://")
        return self


def is_postgres(url: SecretStr) -> bool:
    """Whether it has a scheme that asyncpg knows."""
    return url.get_secret_value().startswith(("postgresql://", "postgres://"))
