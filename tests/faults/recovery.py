"""I5 and I6: how soon turns of dead replicas continue, and how often agents were called for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.final_rows import Turn
from tests.faults.invariants import Evidence, Violation, grouped
from tests.faults.ledger import DATABASE_AWAY, DATABASE_KINDS, GATEWAY_KINDS, Called, Incident, Kind, Life

CLOCK_S = 0.05
"""The clocks of two processes may differ by this much."""
AFTERMATH_S = 2.5
"""A lease that lapsed during an incident counts as lapsed until the next heartbeat arrives."""
FOR_ALL: frozenset[Kind] = DATABASE_AWAY | {"database_cut_all"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds within which a turn continues if its owner died, and if its owner does not know that it is the owner."""

    dead_s: float
    own_s: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """A turn that was taken over. `since`: when its owner died, or a later incident ended that delayed it.

    `own`: the owner lived and did not know of its claim, whose answer was lost; it took the turn from itself.
    """

    turn_id: str
    since: float
    at: float
    own: bool = False

    @property
    def seconds(self) -> float:
        return self.at - self.since


@dataclass(frozen=True, slots=True)
class Step:
    """A call and the one before it, if the agent had been called before."""

    turn: Turn
    before: Called | None
    call: Called

    @property
    def begun(self) -> float:
        """When the earlier claim may have been made."""
        return (self.turn.created_at if self.before is None else self.before.at) - CLOCK_S

    @property
    def takes_over(self) -> bool:
        """Whether it was claimed before."""
        return self.before is not None or self.call.epoch > 1

    @property
    def owner(self) -> int | None:
        """The process that ran the turn before this call; None if it was claimed without a call."""
        known = self.before is not None and self.call.epoch == self.before.epoch + 1
        return self.before.pid if self.before is not None and known else None


def check_recovery(evidence: Evidence, bounds: Bounds) -> Iterator[Violation]:
    """I5: every stolen turn's next attempt begins within the bound."""
    for one in recoveries(evidence):
        bound_s = bounds.own_s if one.own else bounds.dead_s
        if one.seconds > bound_s:
            again = " with its own gateway" if one.own else ""
            words = f"turn {one.turn_id} went on{again} after {one.seconds:.1f} s; the bound is {bound_s:.1f} s"
            yield Violation("I5", words)


def check_calls(evidence: Evidence) -> Iterator[Violation]:
    """I6: no more calls than one and the incidents that touched the turn; epochs and attempts agree with the row."""
    turns = {turn.turn_id: turn for turn in evidence.rows.turns}
    for turn_id, calls in _calls(evidence).items():
        turn = turns.get(turn_id)
        if turn is None:
            yield Violation("I6", f"the agent was called for turn {turn_id}, which is not there")
            continue
        if len({call.epoch for call in calls}) < len(calls):
            yield Violation("I6", f"turn {turn_id} was run twice in one epoch: {[call.epoch for call in calls]}")
        if max(call.epoch for call in calls) > turn.epoch or max(call.attempt for call in calls) > turn.attempt:
            yield Violation("I6", f"turn {turn_id} was called as {calls[-1]} and ended as {turn}")
        incidents = sum(_touches(incident, calls) for incident in evidence.incidents)
        if len(calls) > 1 + incidents:
            yield Violation("I6", f"turn {turn_id} was called {len(calls)} times, and {incidents} incidents touched it")


def recoveries(evidence: Evidence) -> Sequence[Recovery]:
    """All turns that were continued by another process than before."""
    turns = {turn.turn_id: turn for turn in evidence.rows.turns}
    up = uptime(evidence.lives, evidence.incidents)
    found = []
    for turn_id, calls in _calls(evidence).items():
        for step in _steps(turns[turn_id], calls) if turn_id in turns else ():
            if step.takes_over:
                since, own = _since(evidence, step)
                found.append(Recovery(turn_id, max(since, _nobody_until(up, step.call.at)), step.call.at, own))
    return found


def uptime(lives: Sequence[Life], incidents: Sequence[Incident]) -> Sequence[tuple[float, float]]:
    """When at least one gateway was ready and not frozen, as intervals that do not overlap."""
    pieces: list[tuple[float, float]] = []
    for life in lives:
        begin = life.at
        freezes = sorted((one.at, one.until) for one in incidents if one.kind == "freeze" and one.pid == life.pid)
        for at, until in freezes:
            pieces.append((begin, at))
            begin = until
        pieces.append((begin, life.until))
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(piece for piece in pieces if piece[0] < piece[1]):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _nobody_until(up: Sequence[tuple[float, float]], at: float) -> float:
    """Since when there was always a gateway that could take over."""
    return max((begin for begin, _ in up if begin <= at), default=0.0)


def _calls(evidence: Evidence) -> Mapping[str, list[Called]]:
    return grouped(evidence.calls, lambda call: call.turn_id)


def _steps(turn: Turn, calls: Sequence[Called]) -> Iterator[Step]:
    # A gateway that wakes up may call for a claim that another has taken over: that recovers nothing.
    rising = [call for place, call in enumerate(calls) if all(call.epoch > one.epoch for one in calls[:place])]
    yield Step(turn, None, rising[0])
    for before, call in pairwise(rising):
        yield Step(turn, before, call)


def _touches(incident: Incident, calls: Sequence[Called]) -> bool:
    if incident.until < calls[0].at - AFTERMATH_S or incident.at > calls[-1].at:
        return False
    if incident.pid is None:
        return incident.kind in FOR_ALL
    return incident.kind in GATEWAY_KINDS | DATABASE_KINDS and incident.pid in {call.pid for call in calls}


def _since(evidence: Evidence, step: Step) -> tuple[float, bool]:
    """When the turn's previous owner was gone, and whether that was the calling process itself without knowing it."""
    call, owner = step.call, step.owner
    within = [one for one in evidence.incidents if one.until >= step.begun and one.at <= call.at]
    # Without a call of their own, those who had it in between are not known: the last that died is taken.
    deaths = [one.at for one in within if one.kind in GATEWAY_KINDS and owner in (None, one.pid)]
    over = [one for one in within if one.until <= call.at]
    returns = [one.until for one in over if one.kind in DATABASE_AWAY and one.pid is None]
    lost = [one.until for one in over if one.kind in DATABASE_KINDS and one.pid in (None, call.pid)]
    # Frozen between its claim and its call, the caller is the owner that was away, until it goes on itself or another takes over.
    thawed = [one.until for one in over if one.kind == "freeze" and one.pid == call.pid]
    own = owner == call.pid or (owner is None and bool(lost))
    return max([*deaths, *returns, *thawed, *(lost if own else ())], default=step.begun), own
