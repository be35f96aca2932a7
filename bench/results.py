"""The results of measurements, and what follows from them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.commands import Answer
from bench.counts import Counts
from bench.cpu import Spent
from bench.errors import BenchError


@dataclass(frozen=True, slots=True)
class Pace:
    """Latencies in milliseconds, from send to the reply's row (of pgbench: T1 and T2)."""

    turns_per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Level:
    """So many sessions at once. Medians over the rounds, and medians of the rounds' ratios."""

    sessions: int
    ceiling: Pace
    bare: Pace
    gateway: Pace
    speed_to_bare: float
    p50_to_bare: float
    p99_to_bare: float
    speed_to_ceiling: float
    bare_work: Spent
    work: Spent
    """Microseconds of processor time for a turn."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a turn costs Postgres with so many sessions at once."""

    sessions: int
    counts: Counts


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
class Still:
    """What a gateway with so many idle sockets sends to Postgres each second."""

    sockets: int
    statements: float
    commits: float


@dataclass(frozen=True, slots=True)
class AtRest:
    """What a gateway without sockets does each second: statements sent, and the share of a core used."""

    statements: float
    cores: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Turns per second of one gateway, those of two on the same Postgres, and how many cores the two kept busy.

    `one_work`, `two_work`: microseconds of processor time per turn.
    """

    sessions: int
    one: float
    two: float
    ratio: float
    busy_cores: float
    one_work: Spent
    two_work: Spent
    later: Pace
    """How much later a reply of the one is heard at the other."""

    def most(self, cores: int) -> float:
        """The ratio that processor time allows: a gateway has at most one core, and all processes share the machine's cores."""
        return _most_turns(self.two_work, 2, cores) / _most_turns(self.one_work, 1, cores)


@dataclass(frozen=True, slots=True)
class ChatPace:
    """Telegram messages that all wait at once, and the seconds until each had its reply's row."""

    mode: str
    chats: int
    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Target:
    """`measured` should be at least, or at most, `limit`. `way`: the remaining distance, if it was missed."""

    name: str
    measured: float
    relation: str
    limit: float
    reached: bool
    way: str


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that was measured on."""

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
    costs: tuple[Cost, ...]
    lengths: tuple[Length, ...]
    idle: tuple[Idle, ...]
    still: tuple[Still, ...]
    pair: Pair
    chats: tuple[ChatPace, ...]
    targets: tuple[Target, ...]
    notes: tuple[str, ...]
    seconds: float


def _most_turns(work: Spent, gateways: int, cores: int) -> float:
    """Turns per second if nothing else ran."""
    return 1_000_000 * min(gateways / work.server, cores / work.total)


def pace(answer: Answer) -> Pace:
    """Raises `BenchError` if no turn ended in time."""
    if len(answer.latencies_us) < 2:
        raise BenchError(f"Fewer than two turns ended within {answer.seconds} s.")
    cuts = quantiles(answer.latencies_us, n=100, method="inclusive")
    return Pace(len(answer.latencies_us) / answer.seconds, cuts[49] / 1000, cuts[98] / 1000)


def level(
    sessions: int,
    ceiling: Sequence[Pace],
    bare: Sequence[Pace],
    gateway: Sequence[Pace],
    *,
    bare_work: Spent,
    work: Spent,
) -> Level:
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
        bare_work=bare_work,
        work=work,
    )


def middle(paces: Sequence[Pace]) -> Pace:
    """The median of each number."""
    return Pace(
        median(one.turns_per_s for one in paces),
        median(one.p50_ms for one in paces),
        median(one.p99_ms for one in paces),
    )


def middle_work(rounds: Sequence[Spent]) -> Spent:
    """The median of each party."""
    return Spent(
        median(one.server for one in rounds),
        median(one.postgres for one in rounds),
        median(one.client for one in rounds),
    )


def lengths(measured: Sequence[tuple[int, Pace]]) -> tuple[Length, ...]:
    """In order of length; pairs of messages and pace."""
    shortest = measured[0][1].p50_ms
    return tuple(Length(messages, one.p50_ms, one.p99_ms, one.p50_ms / shortest) for messages, one in measured)


def idle(measured: Sequence[tuple[int, int]]) -> tuple[Idle, ...]:
    """Pairs of sockets and bytes; the first has no sockets."""
    empty = measured[0][1]
    return tuple(Idle(sockets, held, (held - empty) / sockets if sockets else 0.0) for sockets, held in measured)
