"""Settings: `turngate.toml`, overridden by `TURNGATE_…` variables with `__` between levels. One frozen object."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from gateway.errors import SettingsError

PREFIX = "TURNGATE_"
NOT_SETTINGS = frozenset({"TURNGATE_URL", "TURNGATE_TOKEN", "TURNGATE_CONFIG"})
"""Variables of the clients and of the command line."""
EXAMPLES = {
    "TURNGATE_WEB__ALLOWED_ORIGINS": '["https://example.com"]',
    "TURNGATE_TELEGRAM__ALLOW": '["123456", "234567=ann"]',
    "TURNGATE_LIMITS__TRUSTED_PROXIES": '["192.0.2.0/24"]',
    "TURNGATE_FAILPOINTS": '{"after_t1": "kill"}',
}
"""Variables that hold lists and tables in JSON, each with an example."""
DEFAULT_FILE = Path("turngate.toml")
SHORTEST_KEY = 32
"""Bytes."""
WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")


class Part(BaseModel):
    """A group of settings; unknown keys are errors, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelSettings(Part):
    """The settings of a channel that a package brings; the model for `[channels.NAME]` derives from this.

    A variable such as TURNGATE_CHANNELS__IRC__PASSWORD=123 is read as a number and may be meant as text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def _key(value: SecretStr | None) -> SecretStr | None:
    """RFC 7518, section 3.2: a key of HS256 is at least as long as its hash."""
    if value is not None and len(value.get_secret_value().encode()) < SHORTEST_KEY:
        raise ValueError(f"should be at least {SHORTEST_KEY} bytes long; create one with: openssl rand -hex 32")
    return value


def _webhook_secret(value: SecretStr | None) -> SecretStr | None:
    """Bot API, setWebhook, `secret_token`: 1 to 256 characters; fewer than 16 could be guessed."""
    if value is not None and not WEBHOOK_SECRET.fullmatch(value.get_secret_value()):
        raise ValueError(
            "should be 16 to 256 characters of A-Z, a-z, 0-9, _ and -; create one with: openssl rand -hex 32"
        )
    return value


class Auth(Part):
    """JWTs of your own login. Set `jwt_secret` or `jwks_url`, not both."""

    jwt_secret: SecretStr | None = Field(
        None, description="HS256 secret that your login signs JWTs with: 32 bytes or more."
    )
    jwks_url: str | None = Field(None, description="Where your login publishes its public keys.")
    audience: str | None = Field(None, description="Required `aud` of a JWT.")
    issuer: str | None = Field(None, description="Required `iss` of a JWT.")

    _strong = field_validator("jwt_secret")(_key)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.jwt_secret is not None and self.jwks_url is not None:
            raise ValueError("set either jwt_secret or jwks_url, not both")
        return self


class DatabaseLogins(Part):
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
            if url is not None and not _is_postgres(url):
                raise ValueError(f"{name} should begin with postgresql://")
        return self


def _is_postgres(url: SecretStr) -> bool:
    return url.get_secret_value().startswith(("postgresql://", "postgres://"))


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or not value.partition("://")[2].strip("/"):
        raise ValueError(f"{value!r} should be a URL such as https://chat.example.com")
    return value


class Telegram(Part):
    """The Telegram channel; off without a token."""

    token: SecretStr | None = Field(
        None, description="The bot's token from @BotFather; without one the channel is off."
    )
    api_url: Annotated[str, AfterValidator(_url)] = Field(
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


def _origin(value: str) -> str:
    scheme, separator, host = value.partition("://")
    if not separator or scheme not in {"http", "https"} or not host or "/" in host:
        raise ValueError(f"{value!r} should be an origin such as https://example.com, without a path")
    return value.lower()


class Web(Part):
    """Browsers of other origins than the gateway's own."""

    allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        (), description="Origins whose pages may hold the widget and call the API."
    )
    anonymous: bool = Field(False, description="Whether visitors of those pages may chat without signing in.")


class Sessions(Part):
    """When a conversation goes on by itself."""

    resume_minutes: float = Field(15, ge=0, le=525_600, description="Idle minutes after which a new session begins.")
    max_state: int = Field(
        1_048_576, ge=1_024, le=67_108_864, description="Bytes of a session's state as JSON (docs/state.md)."
    )


class Snapshots(Part):
    """When a session's state is saved by itself, and which snapshots stay."""

    quiet_s: float = Field(5, gt=0, le=3_600, description="Seconds without a change after which a state is saved.")
    every_s: float = Field(30, gt=0, le=3_600, description="Seconds after which a state that keeps changing is saved.")
    keep: int = Field(20, ge=1, le=10_000, description="Latest snapshots of a session that stay …")
    keep_days: int = Field(30, ge=0, le=36_500, description="… and the days of which the last one stays, too.")


class Outbox(Part):
    """Chunks of replies on their way to networks such as Telegram."""

    keep_days: int = Field(
        7, ge=0, le=36_500, description="Days that sent chunks are kept; undelivered ones stay with their session."
    )


class Turns(Part):
    """How turns are run."""

    timeout_s: float = Field(300, gt=0, le=86_400, description="Seconds an attempt at a turn may take.")
    max_attempts: int = Field(3, ge=1, le=100, description="Attempts before a turn fails with an apology.")
    concurrency: int = Field(256, ge=1, le=100_000, description="Turns that run at the same time in one replica.")
    max_text: int = Field(100_000, ge=1, le=10_000_000, description="Characters of a message.")
    max_waiting: int = Field(
        100, ge=1, le=100_000, description="Messages of a session that may wait for its running turn; more are refused."
    )
    max_reply: int = Field(
        1_000_000, ge=1_000, le=50_000_000, description="Characters of a reply; the rest is cut off."
    )


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} should be an address or a network such as 192.0.2.0/24 ({error})") from None
    return value


class Limits(Part):
    """Rates and sizes; 0 is no limit, and so is an empty default. docs/limits.md tells how they work together."""

    visitor_messages_per_minute: int | None = Field(
        20, ge=1, description="Messages that a visitor, or somebody on Telegram without a link, may send."
    )
    token_messages_per_minute: int | None = Field(
        None, ge=1, description="Messages any other user may send, runs of schedules included."
    )
    visitors_per_minute: int | None = Field(30, ge=1, description="New visitors from one address.")
    visitor_requests_per_minute: int | None = Field(600, ge=1, description="HTTP requests a visitor may make.")
    requests_per_minute: int | None = Field(None, ge=1, description="HTTP requests any other user may make.")
    address_requests_per_minute: int | None = Field(None, ge=1, description="HTTP requests from one address.")
    wrong_tokens_per_minute: int | None = Field(60, ge=1, description="Different wrong tokens from one address.")
    sign_ins_per_minute: int = Field(10, ge=1, description="Tries of one-time codes from one address.")
    schedules_per_user: int | None = Field(100, ge=1, description="Schedules a user may have, ended ones included.")
    tokens_per_user: int | None = Field(100, ge=1, description="Valid API tokens a user may have.")
    links_per_user: int | None = Field(50, ge=1, description="Accounts of other networks that may be linked to a user.")
    reads_per_user: int | None = Field(
        4, ge=1, description="A user's lists, searches, exports and forks that run at the same time; more of them wait."
    )
    streams_per_user: int | None = Field(16, ge=1, description="Streams of events and exports a user may have open.")
    streams_per_address: int | None = Field(256, ge=1, description="Streams of events and exports open to one address.")
    sockets_per_visitor: int | None = Field(16, ge=1, description="WebSockets a visitor may have open.")
    sockets_per_user: int | None = Field(1_000, ge=1, description="WebSockets any other user may have open.")
    connections_per_address: int | None = Field(
        1_000, ge=1, description="Connections from one address; loopback and trusted proxies don't count."
    )
    header_s: float = Field(20, gt=0, le=600, description="Seconds until a request's header must be complete.")
    body_s: float = Field(30, gt=0, le=3_600, description="Seconds that a request's body may be late …")
    body_rate: int = Field(1_024, ge=1, description="… at this pace, in bytes a second.")
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        (), description="Networks of proxies whose `X-Forwarded-For` names the address that counts."
    )
    max_frame: int = Field(
        1_048_576, ge=1_024, le=67_108_864, description="Bytes of a WebSocket frame or request body."
    )

    @model_validator(mode="before")
    @classmethod
    def _zero_is_no_limit(cls, data: object) -> object:
        """None, which TOML and variables have no word for; where there has to be a limit, 0 stays one that is too small."""
        if not isinstance(data, dict):
            return data
        optional = {name for name, field in cls.model_fields.items() if field.annotation == (int | None)}
        return {name: None if name in optional and str(value) == "0" else value for name, value in data.items()}


class Replica(Part):
    """How replicas notice each other's death, and how often they look for work."""

    heartbeat_s: float = Field(5, gt=0, le=60, description="Seconds between signs of life.")
    ttl_s: float = Field(15, gt=0, le=600, description="Seconds without one after which others take over.")
    sweep_s: float = Field(
        1.5,
        gt=0,
        le=60,
        description="Seconds between looks for work of the dead, and for whatever else waits; longer while no other replica lives.",
    )
    poll_s: float = Field(
        0.5,
        gt=0,
        le=10,
        description="Seconds between looks for news from other replicas where they cannot be heard at once.",
    )
    index_s: float = Field(
        1,
        gt=0,
        le=60,
        description="Seconds between looks for messages to enter in the index of search; five times as long while nothing is said.",
    )
    blocked_s: float = Field(
        60,
        gt=0,
        le=3_600,
        description="Seconds that an agent may block the event loop before other replicas take over.",
    )

    @model_validator(mode="after")
    def _alive_between_beats(self) -> Self:
        if self.ttl_s < 2 * self.heartbeat_s:
            raise ValueError("ttl_s should be at least twice heartbeat_s")
        return self


class Log(Part):
    """Logs go to standard error."""

    format: Literal["console", "json"] = Field("console", description="For people or for machines.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")


class AgentBase(Part):
    """Keys that every kind of agent has."""

    multitask_strategy: Literal["enqueue", "interrupt", "rollback", "reject"] = Field(
        "enqueue",
        description="What a second message during a turn does: wait; cancel the turn and keep what it said so far; cancel "
        "it and take question and answer back; be refused.",
    )
    collect: bool = Field(False, description="Whether messages that queued up during a turn are answered together.")
    timeout_s: float | None = Field(None, gt=0, le=86_400, description="Overrides turns.timeout_s.")
    concurrency: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Turns of this agent that run at the same time in one replica (docs/limits.md).",
    )
    title_agent: str | None = Field(None, description="The agent that names its conversations. Default: itself.")
    history: int = Field(20, ge=0, le=1_000, description="Earlier turns the agent is given.")
    description: str | None = Field(None, max_length=500, description="Shown where people choose an agent.")
    apologies: bool = Field(
        False, description="Whether the history includes the gateway's apologies, whose `kind` is `apology`."
    )
    state: bool = Field(False, description="Whether the agent is given the session's state (docs/state.md).")


class DemoAgentSettings(AgentBase):
    """Answers by itself, without a network; for trying things out."""

    kind: Literal["demo"]
    delay_s: float = Field(0, ge=0, le=60, description="Seconds between the pieces of an answer.")


class PythonAgentSettings(AgentBase):
    """Your own async function or generator."""

    kind: Literal["python"]
    target: str = Field(pattern=r"^[\w.]+:[\w.]+$", description="`package.module:object`")


class OpenAIAgentSettings(AgentBase):
    """Any server that speaks OpenAI's chat completions."""

    kind: Literal["openai"]
    model: str = Field(min_length=1, description="The model's name at that server.")
    title_model: str | None = Field(
        None, min_length=1, description="The model that names conversations, at the same server. Default: `model`."
    )
    base_url: str | None = Field(None, description="Default: OpenAI's own.")
    api_key: SecretStr | None = Field(None, description="Default: the variable OPENAI_API_KEY.")
    instructions: str | None = Field(None, description="The system prompt.")
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1)
    context_tokens: int | None = Field(
        None,
        ge=256,
        le=100_000_000,
        description="Tokens that fit the model, its answer included; the history is cut to them. Default: known for OpenAI's "
        "models, else learned from the server's refusal.",
    )
    input_price: float | None = Field(
        None, ge=0, le=1_000_000, description="US dollars per million tokens of input; set `output_price` as well."
    )
    output_price: float | None = Field(None, ge=0, le=1_000_000, description="US dollars per million tokens of output.")
    metadata: bool = Field(
        False,
        description="Whether the model sees the metadata of the session and of the message, as data in a user message.",
    )

    @model_validator(mode="after")
    def _both_prices(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price go together: set both or neither")
        return self


AgentSettings = Annotated[DemoAgentSettings | PythonAgentSettings | OpenAIAgentSettings, Field(discriminator="kind")]


def _demo_only() -> dict[str, AgentSettings]:
    return {"assistant": DemoAgentSettings(kind="demo")}


class Settings(BaseSettings):
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
    port: int = Field(8080, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(None, description="How people reach the gateway, when not by host and port.")
    secret_key: SecretStr | None = Field(
        None, description="Signs visitors' tokens: 32 bytes or more; absent: kept in `data_dir`."
    )
    default_agent: str = Field("assistant", description="Who answers when nobody was named.")
    database: DatabaseLogins = DatabaseLogins()
    auth: Auth = Auth()
    telegram: Telegram = Telegram()
    web: Web = Web()
    sessions: Sessions = Sessions()
    snapshots: Snapshots = Snapshots()
    outbox: Outbox = Outbox()
    turns: Turns = Turns()
    limits: Limits = Limits()
    replica: Replica = Replica()
    log: Log = Log()
    channels: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,31}$")], dict[str, JsonValue]] = Field(
        default_factory=dict,
        description="`[channels.NAME]` switches a channel of an installed package on; the package says which keys it has.",
    )
    failpoints: dict[str, str] = Field(
        default_factory=dict, description="Faults on purpose, for tests only; docs/reliability.md names them."
    )
    agents: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")], AgentSettings] = Field(
        default_factory=_demo_only, description="`[agents.NAME]` with a `kind` each."
    )

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

    _strong = field_validator("secret_key")(_key)

    @field_validator("public_url")
    @classmethod
    def _public_url_is_one(cls, value: str | None) -> str | None:
        return None if value is None else _url(value)

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
                known = f"one of: {', '.join(able)}" if able else "left out: no agent here can name conversations"
                raise ValueError(f"agents.{name}.title_agent is {agent.title_agent!r}; it should be {known}")
        return self

    @model_validator(mode="after")
    def _database_is_postgres(self) -> Self:
        if self.database_url is not None and not _is_postgres(self.database_url):
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
        raise SettingsError(_explain(error, path)) from None
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


def _explain(error: ValidationError, path: Path) -> str:
    lines = [f"Settings cannot be used (from {path} and {PREFIX}… variables):"]
    for problem in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in problem["loc"]) or "settings"
        text = (
            "is not a setting" if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
        )
        lines.append(f"  {key}: {text}")
    return "\n".join(lines)
