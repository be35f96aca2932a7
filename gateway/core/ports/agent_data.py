"""A small store for what an agent's framework has to keep, such as a conversation in a library's own format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.core.model import AgentName, Turn, TurnId

LARGEST_DATA = 4_194_304
"""Bytes (UTF-8) that can be kept under a name."""


@dataclass(frozen=True, slots=True)
class AgentDatum:
    """What was kept by a turn that has been completed since.

    `turn_id`: that turn; None in a fork of its session, which has copies of the messages up to `seq`.
    """

    data: str
    seq: int
    turn_id: TurnId | None


class AgentDataStore(Protocol):
    """Keeps text under names that the agent chooses; a name belongs to one session. Each call raises `StoreUnavailable`.

    It is removed with the session, and exported and erased with its user's data.
    """

    async def read(self, agent: AgentName, name: str, turn: Turn) -> AgentDatum | None:
        """Returns what the latest completed turn kept. A repeated attempt at `turn` reads the same as the first."""
        ...

    async def write(self, agent: AgentName, name: str, turn: Turn, data: str, base: AgentDatum | None) -> bool:
        """Keeps the data; it counts once the turn is completed. `base`: what the attempt has read.

        Returns whether it was kept: not if another replica has taken the turn over, or the session was deleted. Raises `TooLarge`.
        """
        ...

    async def copy(self, agent: AgentName, name: str, copy: str) -> bool:
        """Copies the data for a fork of the session. Returns False if there is none, or the transcript contains later messages."""
        ...

    async def delete(self, agent: AgentName, name: str) -> None:
        """Removes what was kept under that name."""
        ...


class NoAgentData:
    """For agents without a database, such as one that is only checked."""

    async def read(self, agent: AgentName, name: str, turn: Turn) -> AgentDatum | None:  # noqa: ARG002 - nothing is kept
        return None

    async def write(self, agent: AgentName, name: str, turn: Turn, data: str, base: AgentDatum | None) -> bool:  # noqa: ARG002 - as above
        return False

    async def copy(self, agent: AgentName, name: str, copy: str) -> bool:  # noqa: ARG002 - as above
        return False

    async def delete(self, agent: AgentName, name: str) -> None: ...
