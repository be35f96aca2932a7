"""Settings: `turngate.toml`, overridden by `TURNGATE_…` variables with `__` between levels. One frozen object, built from the rooms' own."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, WrapValidator, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from channels.settings import NetworkSettings
from gateway.agents.demo.settings import DemoAgentSettings
from gateway.agents.installed import own_or_installed
from gateway.agents.registry import AgentSettings
from gateway.api.settings import Web
from gateway.core.limits.settings import Budgets, Limits
from gateway.core.settings import Outbox, Replica, Sessions, Snapshots, Turns
from gateway.errors import SettingsError
from gateway.identity.settings import Auth
from gateway.log import Log
from gateway.settings import http_url, strong_key
from gateway.wrong_settings import wrong_settings
from storage.settings import DatabaseLogins, is_postgres

PREFIX = "TURNGATE_"
NOT_SETTINGS = frozenset({"TURNGATE_URL", "TURNGATE_TOKEN", "TURNGATE_CONFIG"})
"""Variables of the clients and of the command line."""
NAME_OF_AN_AGENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
EXAMPLES = {
    "TURNGATE_WEB__ALLOWED_ORIGINS": '["https://example.com"]',
    "TURNGATE_TELEGRAM__ALLOW": '["123456", "234567=ann"]',
    "TURNGATE_LIMITS__TRUSTED_PROXIES": '["192.0.2.0/24"]',
    "TURNGATE_FAILPOINTS": '{"after_t1": "kill"}',
}
"""Variables that hold lists and tables in JSON, each with an example."""
DEFAULT_FILE = Path("turngate.toml")


def _demo_only() -> dict[str, AgentSettings]:
    return {"assistant": DemoAgentSettings(kind="demo")}


def _agent_name(name: str) -> str:
    if NAME_OF_AN_AGENT.fullmatch(name) is None:
        raise ValueError("an agent's name should have at most 64 letters, digits, _, . and -")
    return name


class Settings(NetworkSettings, BaseSettings):
    """Everything that can be set. None of it is required."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
        env_ignore_empty=True,
    )
    toml: ClassVar[Path | None] = None

    database_url: SecretStr | None = Field(None, description="PostgreSQL 15–18; absent: an embedded one in `data_dir`.")
    data_dir: Path = Field(Path(".turngate"), description="Where the embedded database and the secret key live.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    public_url: str | None = Field(
        None, description="The URL at which users reach the gateway, if not by host and port."
    )
    secret_key: SecretStr | None = Field(
        None, description="Signs visitors' tokens: 32 bytes or more; absent: kept in `data_dir`."
    )
    default_agent: str = Field("assistant", description="The agent that answers when none is named.")
    database: DatabaseLogins = DatabaseLogins()
    auth: Auth = Auth()
    web: Web = Web()
    sessions: Sessions = Sessions()
    snapshots: Snapshots = Snapshots()
    outbox: Outbox = Outbox()
    turns: Turns = Turns()
    limits: Limits = Limits()
    budgets: Budgets = Budgets()
    replica: Replica = Replica()
    log: Log = Log()
    failpoints: dict[str, str] = Field(
        default_factory=dict, description="Deliberate faults, for tests only; docs/reliability.md lists them."
    )
    agents: dict[
        Annotated[str, AfterValidator(_agent_name)], Annotated[AgentSettings, WrapValidator(own_or_installed)]
    ] = Field(default_factory=_demo_only, description="`[agents.NAME]` with a `kind` each.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings names its arguments
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line, then the environment, then the file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.toml))

    _strong = field_validator("secret_key")(strong_key)

    @field_validator("public_url")
    @classmethod
    def _public_url_is_one(cls, value: str | None) -> str | None:
        return None if value is None else http_url(value)

    @model_validator(mode="after")
    def _default_agent_exists(self) -> Self:
        if self.default_agent in self.agents:
            return self
        if "default_agent" in self.model_fields_set or not self.agents:
            raise ValueError(f"default_agent is {self.default_agent!r}; it should be one of: {', '.join(self.agents)}")
        object.__setattr__(self, "default_agent", next(iter(self.agents)))
        return self

    @model_validator(mode="after")
    def _title_agents_exist(self) -> Self:
        able = [name for name, agent in self.agents.items() if agent.kind != "demo"]
        for name, agent in self.agents.items():
            if agent.title_agent is not None and agent.title_agent not in able:
                known = f"one of: {', '.join(able)}" if able else "left out: no agent here can title conversations"
                raise ValueError(f"agents.{name}.title_agent is {agent.title_agent!r}; it should be {known}")
        return self

    @model_validator(mode="after")
    def _fallbacks_exist(self) -> Self:
        for name, agent in self.agents.items():
            others = [other for other in self.agents if other != name]
            if agent.fallback is not None and agent.fallback not in others:
                known = f"one of: {', '.join(others)}" if others else "left out: there is no other agent"
                raise ValueError(f"agents.{name}.fallback is {agent.fallback!r}; it should be {known}")
        return self

    @model_validator(mode="after")
    def _database_is_postgres(self) -> Self:
        if self.database_url is not None and not is_postgres(self.database_url):
            raise ValueError("database_url should begin with postgresql://")
        if self.database_url is None and self.database.app_url is not None:
            raise ValueError("database.app_url and system_url need database_url, which is used for migrations")
        return self


def load_settings(config: Path | None = None, overrides: Mapping[str, object] | None = None) -> Settings:
    """Reads file and environment; `overrides` are the command line's.

    Raises `SettingsError` that names each wrong key and what it should be.
    """
    path = config or Path(os.environ.get("TURNGATE_CONFIG", DEFAULT_FILE))
    if config is not None and not path.is_file():
        raise SettingsError(f"There is no settings file {path}. Check --config, or leave it out to use the defaults.")
    _refuse_unknown_variables(os.environ)
    _refuse_broken_json(os.environ)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    source = type("FileSettings", (Settings,), {"toml": path})
    try:
        loaded: Settings = source(**given)
    except ValidationError as error:
        wrong = wrong_settings(error, Settings)
        raise SettingsError(f"Settings cannot be used (from {path} and {PREFIX}… variables):\n{wrong}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8: {error}") from None
    except ValueError as error:
        raise SettingsError(
            f"A {PREFIX}… variable cannot be read: {error}. Lists and tables are written as JSON."
        ) from None
    return loaded


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    for name in environment:
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        field = name.removeprefix(PREFIX).lower().split("__")[0]
        if field not in Settings.model_fields:
            raise SettingsError(
                f"{name} is not a setting. It should be one of: "
                + ", ".join(f"{PREFIX}{known.upper()}" for known in Settings.model_fields)
            )


def _refuse_broken_json(environment: Mapping[str, str]) -> None:
    for name, example in EXAMPLES.items():
        value = environment.get(name, "")
        try:
            good = not value or type(json.loads(value)) is type(json.loads(example))
        except ValueError:
            good = False
        if not good:
            kind = "list" if example.startswith("[") else "object"
            raise SettingsError(f"{name} is {value!r}; it should be a JSON {kind} such as {example}")
