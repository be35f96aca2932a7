"""The measuring process's commands and answers: one JSON document per line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter


@dataclass(frozen=True, slots=True)
class Load:
    """Each of the first `sessions` users of `group` sends turns on its own socket, each after the reply to the one before."""

    url: str
    group: str
    sessions: int
    warm_s: float
    seconds: float
    do: Literal["load"] = "load"


@dataclass(frozen=True, slots=True)
class Walk:
    """One turn after another: each visit is a turn of that user; all sockets are open from the start."""

    url: str
    visits: tuple[str, ...]
    do: Literal["walk"] = "walk"


@dataclass(frozen=True, slots=True)
class Hold:
    """Opens idle sockets that have said hello, for users `first` to `last` of `group`; they stay open."""

    url: str
    group: str
    first: int
    last: int
    do: Literal["hold"] = "hold"


@dataclass(frozen=True, slots=True)
class Release:
    """Closes the idle sockets."""

    do: Literal["release"] = "release"


@dataclass(frozen=True, slots=True)
class Cross:
    """The first `users` of `group` take `turns` turns each at `url`, one after another, with a second socket at `other`.

    The answer: how long after the first socket the second one receives the reply's row.
    """

    url: str
    other: str
    group: str
    users: int
    turns: int
    do: Literal["cross"] = "cross"


Command = Annotated[Load | Walk | Hold | Release | Cross, Field(discriminator="do")]


@dataclass(frozen=True, slots=True)
class Answer:
    """`latencies_us`: from send to the reply's row, in microseconds; of a walk, in the order of its visits.

    `turns`: all that ended, including those whose latencies don't count.
    """

    latencies_us: tuple[int, ...] = ()
    seconds: float = 0.0
    turns: int = 0


COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
