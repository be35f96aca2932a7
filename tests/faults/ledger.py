"""What was sent, acknowledged, received and delivered, and which faults the gateways had meanwhile.

Times are Unix seconds; gateways, database and harness run on one machine and share its clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

import orjson

Kind = Literal[
    "kill",
    "term",
    "freeze",
    "ended_by_itself",
    "database_restart",
    "database_freeze",
    "database_cut_all",
    "database_cut_one",
    "database_swallow",
    "database_half_close",
    "database_delay",
    "database_hang",
    "database_drop",
    "bot_cut_all",
    "bot_cut_one",
    "bot_swallow",
    "bot_hang",
    "bot_429",
    "bot_5xx",
    "bot_5xx_delivered",
    "bot_lost",
    "socket_cut",
]
GATEWAY_KINDS: frozenset[Kind] = frozenset({"kill", "term", "freeze", "ended_by_itself"})
DATABASE_AWAY: frozenset[Kind] = frozenset({"database_restart", "database_freeze", "database_hang"})
"""While one of these lasts, the gateway that it affects gets nothing done."""
DATABASE_KINDS: frozenset[Kind] = DATABASE_AWAY | {
    "database_cut_all",
    "database_cut_one",
    "database_swallow",
    "database_half_close",
    "database_delay",
    "database_drop",
}
"""The gateway that they affect may not know what the database has committed."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that somebody sent. `key`: the id a WebSocket client gave it; in Telegram the text is unique anyway."""

    at: float
    user: str
    channel: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Acked:
    """The gateway acknowledged a WebSocket client's message as durable."""

    at: float
    user: str
    key: str
    session_id: str
    seq: int
    turn_id: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A client cancelled a turn."""

    at: float
    user: str
    turn_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A row that a WebSocket client received."""

    at: float
    user: str
    session_id: str
    seq: int
    role: str
    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that a Telegram chat got. `answered`: the fake told the bot so (a proxy may still have lost that).

    `replica`: the gateway that sent it.
    """

    at: float
    chat_id: int
    text: str
    answered: bool
    replica: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A gateway's `sendMessage` whose response, if any, did not pass the proxy."""

    at: float
    chat_id: int
    replica: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something done on purpose, from `at` until `until`.

    `replica` and `pid`: the gateway it was done to, or whose network; without them it was done to all.
    """

    at: float
    until: float
    kind: Kind
    replica: int | None = None
    pid: int | None = None

    def befell(self, replica: int) -> bool:
        """Whether it affected that gateway, alone or with all others."""
        return self.replica in (None, replica)


@dataclass(frozen=True, slots=True)
class Life:
    """A gateway process that was ready from `at` until `until`."""

    at: float
    until: float
    replica: int
    pid: int


@dataclass(frozen=True, slots=True)
class Called:
    """A call of the agent, recorded by the agent itself."""

    at: float
    turn_id: str
    attempt: int
    epoch: int
    pid: int


Entry = Sent | Acked | Stopped | Heard | Delivered | Lost | Incident | Life | Called
Kept = TypeVar("Kept", Sent, Acked, Stopped, Heard, Delivered, Lost, Incident, Life, Called)


@dataclass(slots=True)
class Ledger:
    """Entries in the order they were noted; written to `file` as JSON lines, so that a failure can be studied."""

    file: BinaryIO | None = None
    entries: list[Entry] = field(default_factory=list)
    happened: Counter[Kind] = field(default_factory=Counter)
    """Incidents so far."""
    messages: int = 0
    """Messages sent so far."""

    def note(self, entry: Entry) -> None:
        self.entries.append(entry)
        if isinstance(entry, Incident):
            self.happened[entry.kind] += 1
        elif isinstance(entry, Sent):
            self.messages += 1
        if self.file is not None:
            self.file.write(orjson.dumps({"entry": type(entry).__name__})[:-1] + b"," + orjson.dumps(entry)[1:] + b"\n")

    def all(self, kind: type[Kept]) -> list[Kept]:
        """The entries of one kind."""
        return [entry for entry in self.entries if isinstance(entry, kind)]


def read_calls(file: Path) -> Sequence[Called]:
    """The calls that the agents of all gateways recorded."""
    return sorted(_calls(file), key=lambda call: call.at) if file.exists() else ()


def _calls(file: Path) -> Iterator[Called]:
    for line in file.read_bytes().splitlines():
        yield Called(**orjson.loads(line))
