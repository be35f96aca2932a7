"""What was measured, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.commands import Answer
from bench.errors import BenchError


@dataclass(frozen=True, slots=True)
class Pace:
    """Latencies in milliseconds, from send to the reply's row (of pgbench: T1 and T2)."""

    turns_per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Level:
    """So many sessions at once. Medians over the rounds, and medians of the rounds' own ratios."""

    sessions: int
    ceiling: Pace
    bare: Pace
    gateway: Pace
    speed_to_bare: float
    p50_to_bare: float
    p99_to_bare: float
    speed_to_ceiling: float


@dataclass(frozen=True, slots=True)
class Length:
    """A turn in a session of so many messages. `ratio`: of its median to the shortest session's."""

    messages: int
    p50_ms: float
    p99_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Idle:
    """Memory with so many idle sockets, in bytes. `per_socket`: what each of them added."""

    sockets: int
    resident: int
    per_socket: float


@dataclass(frozen=True, slots=True)
class Target:
    """`measured` should be at least, or at most, `limit`."""

    name: str
    measured: float
    relation: str
    limit: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on."""

    cpus: int
    python: str
    postgres: str
    durability: str
    ceiling_driver: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything, as `--json` writes it."""

    machine: Machine
    levels: tuple[Level, ...]
    lengths: tuple[Length, ...]
    idle: tuple[Idle, ...]
    targets: tuple[Target, ...]
    seconds: float


def pace(answer: Answer) -> Pace:
    """Raises `BenchError` when nothing ended in time."""
    if len(answer.latencies_us) < 2:
        raise BenchError(f"Fewer than two turns ended within {answer.seconds} s.")
    cuts = quantiles(answer.latencies_us, n=100, method="inclusive")
    return Pace(len(answer.latencies_us) / answer.seconds, cuts[49] / 1000, cuts[98] / 1000)


def level(sessions: int, ceiling: Sequence[Pace], bare: Sequence[Pace], gateway: Sequence[Pace]) -> Level:
    """`bare` and `gateway` in rounds: a round's two share what the machine was doing besides."""
    rounds = list(zip(gateway, bare, strict=True))
    return Level(
        sessions,
        middle(ceiling),
        middle(bare),
        middle(gateway),
        speed_to_bare=median(ours.turns_per_s / theirs.turns_per_s for ours, theirs in rounds),
        p50_to_bare=median(ours.p50_ms / theirs.p50_ms for ours, theirs in rounds),
        p99_to_bare=median(ours.p99_ms / theirs.p99_ms for ours, theirs in rounds),
        speed_to_ceiling=middle(gateway).turns_per_s / middle(ceiling).turns_per_s,
    )


def middle(paces: Sequence[Pace]) -> Pace:
    """Each number's own median."""
    return Pace(
        median(one.turns_per_s for one in paces),
        median(one.p50_ms for one in paces),
        median(one.p99_ms for one in paces),
    )


def lengths(measured: Sequence[tuple[int, Pace]]) -> tuple[Length, ...]:
    """In order of length; pairs of messages and pace."""
    shortest = measured[0][1].p50_ms
    return tuple(Length(messages, one.p50_ms, one.p99_ms, one.p50_ms / shortest) for messages, one in measured)


def idle(measured: Sequence[tuple[int, int]]) -> tuple[Idle, ...]:
    """Pairs of sockets and bytes; the first has no sockets."""
    empty = measured[0][1]
    return tuple(Idle(sockets, held, (held - empty) / sockets if sockets else 0.0) for sockets, held in measured)


def targets(levels: Sequence[Level], lengths: Sequence[Length], idle: Sequence[Idle]) -> tuple[Target, ...]:
    """What the project holds itself to."""
    at = {one.sessions: one for one in levels}
    longest, most = lengths[-1], idle[-1]
    return (
        _at_least("turns/s at 64 sessions, to the bare loop", at[64].speed_to_bare, 0.6),
        _at_most("p50 at 1 session, to the bare loop", at[1].p50_to_bare, 2),
        _at_most(f"a turn at message {longest.messages:,}, to one at {lengths[0].messages}", longest.ratio, 1.2),
        _at_most(f"KB per idle socket, of {most.sockets:,}", most.per_socket / 1024, 30),
    )


def _at_least(name: str, measured: float, limit: float) -> Target:
    return Target(name, measured, "≥", limit, reached=measured >= limit)


def _at_most(name: str, measured: float, limit: float) -> Target:
    return Target(name, measured, "≤", limit, reached=measured <= limit)
