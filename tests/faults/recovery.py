"""I5 and I6: how soon a turn of the dead goes on, and how often agents were called for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.invariants import Evidence, Violation, grouped
from tests.faults.ledger import DATABASE_KINDS, GATEWAY_KINDS, Called, Incident, Life
from tests.faults.rows import Turn

CLOCK_S = 0.05
"""Notes of two processes may differ by this much."""
AFTERMATH_S = 2.5
"""A lease that lapsed in an incident counts as lapsed until the next sign of life comes through."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A turn that went on in another process: `since` its owner died, or whatever came later and held it up."""

    turn_id: str
    since: float
    at: float

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


def check_recovery(evidence: Evidence, bound_s: float) -> Iterator[Violation]:
    """I5: every stolen turn's next attempt begins within the bound."""
    for one in recoveries(evidence):
        if one.seconds > bound_s:
            yield Violation("I5", f"turn {one.turn_id} went on after {one.seconds:.1f} s; the bound is {bound_s:.1f} s")


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
    """All turns that another process went on with."""
    turns = {turn.turn_id: turn for turn in evidence.rows.turns}
    up = uptime(evidence.lives, evidence.incidents)
    found = []
    for turn_id, calls in _calls(evidence).items():
        for step in _steps(turns[turn_id], calls) if turn_id in turns else ():
            since = _since(evidence, step)
            if since is not None:
                found.append(Recovery(turn_id, max(since, _nobody_until(up, step.call.at)), step.call.at))
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
    """Since when there was always somebody to take over."""
    return max((begin for begin, _ in up if begin <= at), default=0.0)


def _calls(evidence: Evidence) -> Mapping[str, list[Called]]:
    return grouped(evidence.calls, lambda call: call.turn_id)


def _steps(turn: Turn, calls: Sequence[Called]) -> Iterator[Step]:
    yield Step(turn, None, calls[0])
    for before, call in pairwise(calls):
        yield Step(turn, before, call)


def _touches(incident: Incident, calls: Sequence[Called]) -> bool:
    if incident.until < calls[0].at - AFTERMATH_S or incident.at > calls[-1].at:
        return False
    return incident.kind in DATABASE_KINDS or incident.pid in {call.pid for call in calls}


def _since(evidence: Evidence, step: Step) -> float | None:
    """When the turn's last owner before this call was gone; None for a call that took nothing over."""
    if step.before is None and step.call.epoch == 1:
        return None
    if step.before is not None and step.before.pid == step.call.pid:
        return None
    within = [one for one in evidence.incidents if one.until >= step.begun and one.at <= step.call.at]
    owners = {step.before.pid} if step.before is not None and step.call.epoch == step.before.epoch + 1 else None
    # Without a call of their own, those who had it in between are not known: the last that died is taken.
    deaths = [one.at for one in within if one.kind in GATEWAY_KINDS and (owners is None or one.pid in owners)]
    returns = [one.until for one in within if one.kind in DATABASE_KINDS and one.until <= step.call.at]
    return max([*deaths, *returns], default=step.begun)
