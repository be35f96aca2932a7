"""The settings of rates and sizes."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from gateway.settings import SettingsGroup


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} should be an address or a network such as 192.0.2.0/24 ({error})") from None
    return value


class Budget(SettingsGroup):
    """What may be used in a day, in UTC; a turn begins only while something is left (docs/usage.md)."""

    cost_per_day: float | None = Field(None, gt=0, le=1_000_000_000, description="US dollars per day, in UTC.")
    tokens_per_day: int | None = Field(None, ge=1, description="Tokens per day, input and output together.")


class Budgets(Budget):
    """Budgets of users, and of all of them together; an agent's are in its own settings. docs/usage.md explains them."""

    user_cost_per_day: float | None = Field(
        None, gt=0, le=1_000_000_000, description="US dollars that each user may use per day."
    )
    user_tokens_per_day: int | None = Field(None, ge=1, description="Tokens that each user may use per day.")
    users: dict[str, Budget] = Field(
        default_factory=dict, description="`[budgets.users.NAME]`: budgets of a single user, instead of both above."
    )

    @property
    def each_user(self) -> Budget:
        """That of every user without one of their own."""
        return Budget(cost_per_day=self.user_cost_per_day, tokens_per_day=self.user_tokens_per_day)


class Limits(SettingsGroup):
    """Rates and sizes. Where 0 is allowed, it means no limit, and so does an empty default. docs/limits.md explains how they work together."""

    visitor_messages_per_minute: int | None = Field(
        20, ge=1, description="Messages that a visitor, or an unlinked person on a network, may send."
    )
    token_messages_per_minute: int | None = Field(
        None, ge=1, description="Messages any other user may send, runs of schedules included."
    )
    visitors_per_minute: int | None = Field(30, ge=1, description="New visitors from one address.")
    visitor_requests_per_minute: int | None = Field(600, ge=1, description="HTTP requests a visitor may make.")
    requests_per_minute: int | None = Field(None, ge=1, description="HTTP requests any other user may make.")
    address_requests_per_minute: int | None = Field(None, ge=1, description="HTTP requests from one address.")
    wrong_tokens_per_minute: int | None = Field(60, ge=1, description="Different wrong tokens from one address.")
    sign_ins_per_minute: int = Field(10, ge=1, description="Attempts at one-time codes from one address.")
    schedules_per_user: int | None = Field(100, ge=1, description="Schedules a user may have, ended ones included.")
    tokens_per_user: int | None = Field(100, ge=1, description="Valid API tokens a user may have.")
    links_per_user: int | None = Field(50, ge=1, description="Accounts on other networks that may be linked to a user.")
    reads_per_user: int | None = Field(
        4,
        ge=1,
        description="Most lists, searches, exports and forks of a user that run at the same time; more of them wait.",
    )
    streams_per_user: int | None = Field(16, ge=1, description="Streams of events and exports a user may have open.")
    streams_per_address: int | None = Field(256, ge=1, description="Streams of events and exports open to one address.")
    sockets_per_visitor: int | None = Field(16, ge=1, description="WebSockets a visitor may have open.")
    sockets_per_user: int | None = Field(1_000, ge=1, description="WebSockets any other user may have open.")
    connections_per_address: int | None = Field(
        1_000, ge=1, description="Connections from one address; loopback and trusted proxies don't count."
    )
    header_s: float = Field(20, gt=0, le=600, description="Seconds within which a request's header must be complete.")
    body_s: float = Field(30, gt=0, le=3_600, description="Seconds by which a request's body may lag behind …")
    body_rate: int = Field(1_024, ge=1, description="… this pace, in bytes per second.")
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        (), description="Networks of proxies whose `X-Forwarded-For` names the address that counts."
    )
    max_frame: int = Field(
        1_048_576, ge=1_024, le=67_108_864, description="Largest WebSocket frame or request body, in bytes."
    )

    @classmethod
    def optional(cls) -> frozenset[str]:
        """The limits that 0 removes."""
        return frozenset(name for name, field in cls.model_fields.items() if field.annotation == (int | None))

    @model_validator(mode="before")
    @classmethod
    def _zero_is_no_limit(cls, data: object) -> object:
        """None, which TOML and environment variables cannot express. Where a limit is mandatory, 0 remains a value that is too small."""
        if not isinstance(data, dict):
            return data
        optional = cls.optional()
        return {name: None if name in optional and str(value) == "0" else value for name, value in data.items()}
