"""The settings that routes read."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config import Limits, Turns, Web


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`host` and `public_url`: the names that people reach the gateway by."""

    host: str
    public_url: str | None
    default_agent: str
    web: Web
    turns: Turns
    limits: Limits
