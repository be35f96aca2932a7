"""The settings of sessions, turns and replicas."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gateway.settings import SettingsGroup


class Sessions(SettingsGroup):
    """How long conversations continue, and how large their state may be."""

    resume_minutes: float = Field(15, ge=0, le=525_600, description="Idle minutes after which a new session begins.")
    max_state: int = Field(
        1_048_576, ge=1_024, le=67_108_864, description="Largest state of a session, in bytes as JSON (docs/state.md)."
    )


class Snapshots(SettingsGroup):
    """When a session's state is saved automatically, and which snapshots are kept."""

    quiet_s: float = Field(5, gt=0, le=3_600, description="Seconds without a change after which a state is saved.")
    every_s: float = Field(30, gt=0, le=3_600, description="Seconds after which a state that keeps changing is saved.")
    keep: int = Field(20, ge=1, le=10_000, description="How many of a session's latest snapshots are kept …")
    keep_days: int = Field(
        30, ge=0, le=36_500, description="… and for how many days the last one of each day is kept as well."
    )


class Outbox(SettingsGroup):
    """Chunks of replies on their way to networks."""

    keep_days: int = Field(
        7,
        ge=0,
        le=36_500,
        description="Days for which sent chunks are kept; undelivered ones are kept as long as their session.",
    )


class Turns(SettingsGroup):
    """How turns are run."""

    timeout_s: float = Field(
        300, gt=0, le=86_400, description="Longest time an attempt at a turn may take, in seconds."
    )
    max_attempts: int = Field(3, ge=1, le=100, description="Attempts before a turn fails with an apology.")
    concurrency: int = Field(256, ge=1, le=100_000, description="Most turns that run at the same time in one replica.")
    max_text: int = Field(100_000, ge=1, le=10_000_000, description="Longest message, in characters.")
    max_waiting: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Most messages of a session that may wait for its running turn; more are refused.",
    )
    max_reply: int = Field(
        1_000_000, ge=1_000, le=50_000_000, description="Longest reply, in characters; the rest is cut off."
    )


class Replica(SettingsGroup):
    """How replicas notice each other's death, and how often they look for work."""

    heartbeat_s: float = Field(5, gt=0, le=60, description="Seconds between heartbeats.")
    ttl_s: float = Field(
        15, gt=0, le=600, description="Seconds without a heartbeat after which other replicas take over."
    )
    sweep_s: float = Field(
        1.5,
        gt=0,
        le=60,
        description="Seconds between checks for the work of dead replicas and for other waiting work; longer while no other replica is alive.",
    )
    poll_s: float = Field(
        0.5,
        gt=0,
        le=10,
        description="Seconds between polls for changes by other replicas, if notifications do not arrive.",
    )
    index_s: float = Field(
        1,
        gt=0,
        le=60,
        description="Seconds between checks for messages to add to the search index; five times as long while no messages arrive.",
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
