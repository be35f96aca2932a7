"""The project's targets, and the distance to them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bench.results import Idle, Length, Level, Pair, Still, Target


def targets(
    levels: Sequence[Level],
    lengths: Sequence[Length],
    idle: Sequence[Idle],
    still: Sequence[Still],
    pair: Pair,
    *,
    cpus: int,
) -> tuple[Target, ...]:
    """Each target with its measurement; the remaining distance is in microseconds if it is a time."""
    at = {one.sessions: one for one in levels}
    return (
        *(_speed(at[sessions]) for sessions in (64, 256)),
        _latency("p50 at 1 session, to the bare loop's", at[1].p50_to_bare, at[1].bare.p50_ms, 2),
        _latency("p99 at 64 sessions, to the bare loop's", at[64].p99_to_bare, at[64].bare.p99_ms, 2),
        _length(lengths),
        _at_most(f"KB per idle socket, of {idle[-1].sockets:,}", idle[-1].per_socket / 1024, 25, "KB"),
        _at_least("turns/s of two gateways, to one", pair.ratio, 1.5, _pair(pair, cpus)),
        _at_most("ms until a reply is heard at the other gateway, p50", pair.later.p50_ms, 50, "ms"),
        *_still(still),
    )


def _speed(level: Level) -> Target:
    name = f"turns/s at {level.sessions} sessions, to the bare loop"
    allowed, takes = 1_000_000 / (0.8 * level.bare.turns_per_s), 1_000_000 / level.gateway.turns_per_s
    return _at_least(name, level.speed_to_bare, 0.8, f"{takes - allowed:,.0f} µs of {takes:,.0f} a turn")


def _latency(name: str, ratio: float, bare_ms: float, limit: float) -> Target:
    return Target(name, ratio, "≤", limit, ratio <= limit, f"{(ratio - limit) * bare_ms * 1000:,.0f} µs a turn")


def _length(lengths: Sequence[Length]) -> Target:
    longest, shortest = lengths[-1], lengths[0]
    name = f"a turn at message {longest.messages:,}, to one at {shortest.messages}"
    over = (longest.p50_ms - 1.1 * shortest.p50_ms) * 1000
    return Target(name, longest.ratio, "≤", 1.1, longest.ratio <= 1.1, f"{over:,.0f} µs a turn")


def _pair(pair: Pair, cpus: int) -> str:
    return f"{1.5 - pair.ratio:.2f}; {cpus} cores allow {pair.most(cpus):.2f}"


def _still(still: Sequence[Still]) -> tuple[Target, ...]:
    alone = _at_most("statements/s of a gateway at rest", still[0].statements, 1, "a second")
    added = tuple(
        _at_most(
            f"statements/s that {one.sockets:,} idle sockets add", one.statements - still[0].statements, 1, "a second"
        )
        for one in still[1:]
    )
    return (alone, *added)


def _at_least(name: str, measured: float, limit: float, way: str) -> Target:
    return Target(name, measured, "≥", limit, measured >= limit, way)


def _at_most(name: str, measured: float, limit: float, unit: str) -> Target:
    return Target(name, measured, "≤", limit, measured <= limit, f"{measured - limit:,.1f} {unit}")
