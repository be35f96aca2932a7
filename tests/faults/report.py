"""The result of a storm, for people: figures, the causes of repetitions, and the verdict on each invariant."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.faults.cluster import Timing
from tests.faults.deliveries import check_deliveries, explain, match_chats, room_for_repetitions
from tests.faults.invariants import (
    MEANING,
    Evidence,
    Invariant,
    Violation,
    check_order,
    check_owners,
    check_replies,
    check_sequences,
)
from tests.faults.ledger import Kind
from tests.faults.recovery import Bounds, check_calls, check_recovery, recoveries
from tests.faults.storm import Outcome, Plan

SLACK_S = 2.0
"""Seconds that recovery may take beyond the TTL and a sweep, because the machine starts a gateway every few seconds."""
SWEEP_SPREAD = 1.25
"""Sweeps are spread: one may come this many times its interval after the one before."""
OWN_S = 10.0
"""Seconds after which a gateway takes over turns that it owns according to the database, but does not run."""
SHOWN = 8
"""The most violations of an invariant that are printed."""
LONG_S = 600.0
DUE: Mapping[str, int] = {"kills": 100, "database restarts": 15, "messages": 20_000}
"""The least that must happen in a storm of ten minutes or more for it to count."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All violations, by invariant; `ended`: gateways that ended though nobody asked them to.

    `missing`: what a storm of ten minutes should have had more of.
    """

    by_invariant: Mapping[Invariant, Sequence[Violation]]
    ended: int
    quiet: bool
    missing: Sequence[str] = ()

    @property
    def good(self) -> bool:
        return self.quiet and not self.ended and not self.missing and not any(self.by_invariant.values())


def bounds_of(timing: Timing, slack_s: float = SLACK_S) -> Bounds:
    """A dead replica's turn continues within the TTL and one sweep; one that its owner does not know of, after ten seconds."""
    sweep_s = timing.sweep_s * SWEEP_SPREAD
    return Bounds(timing.ttl_s + sweep_s + slack_s, max(OWN_S, timing.ttl_s) + sweep_s + slack_s)


def judge(outcome: Outcome, plan: Plan, slack_s: float = SLACK_S) -> Verdict:
    """Checks every invariant against the evidence, and whether enough happened."""
    evidence = outcome.evidence
    found: dict[Invariant, list[Violation]] = {invariant: [] for invariant in MEANING}
    for violation in _all(evidence, bounds_of(plan.timing, slack_s)):
        found[violation.invariant].append(violation)
    ended = sum(incident.kind == "ended_by_itself" for incident in evidence.incidents)
    return Verdict(found, ended, outcome.calm is not None, list(shortfalls(evidence, plan.seconds)))


def shortfalls(evidence: Evidence, seconds: float) -> Iterator[str]:
    """The kinds of events that a storm of this length had too few of; a short one may have any number."""
    kinds = Counter(incident.kind for incident in evidence.incidents)
    messages = sum(row.role == "user" for row in evidence.rows.messages)
    counts = {"kills": kinds["kill"], "database restarts": kinds["database_restart"], "messages": messages}
    for name, due in DUE.items() if seconds >= LONG_S else ():
        if counts[name] < due:
            yield f"only {counts[name]} {name}, and {due} are due"


def _all(evidence: Evidence, bounds: Bounds) -> Iterator[Violation]:
    yield from check_replies(evidence)
    yield from check_order(evidence)
    yield from check_deliveries(evidence)
    yield from check_owners(evidence)
    yield from check_recovery(evidence, bounds)
    yield from check_calls(evidence)
    yield from check_sequences(evidence)


def print_report(plan: Plan, outcome: Outcome, verdict: Verdict, command: str) -> None:
    """Prints the report to standard output."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(_figures(plan, outcome))
    console.print(_verdicts(verdict))
    for violations in verdict.by_invariant.values():
        for violation in violations[:SHOWN]:
            console.print(f"{violation.invariant}: {violation.text}", style="red")
        if len(violations) > SHOWN:
            console.print(f"{violations[0].invariant}: and {len(violations) - SHOWN} more", style="red")
    if verdict.ended:
        console.print(f"{verdict.ended} gateways ended though nobody asked them to", style="red")
    for words in verdict.missing:
        console.print(f"Not much of a storm: {words}", style="red")
    if not verdict.quiet:
        console.print("It was not quiet a minute after the storm.", style="red")
    console.print(f"Seed {plan.seed}. The same storm again: {command}")


def _figures(plan: Plan, outcome: Outcome) -> Table:
    table = Table(
        "figure", "", title=f"Storm of {plan.seconds:.0f} s over {plan.replicas} gateways", title_justify="left"
    )
    for name, value in figures(plan, outcome):
        table.add_row(name, value)
    return table


def figures(plan: Plan, outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What happened, in numbers."""
    evidence = outcome.evidence
    channels = Counter(row.channel for row in evidence.rows.messages if row.role == "user")
    yield "messages", f"{sum(channels.values())} ({_counts(channels)})"
    yield "turns", _counts(Counter(turn.status for turn in evidence.rows.turns))
    yield from _blows(evidence)
    yield from _deliveries(evidence)
    yield from _takeovers(evidence, plan.timing)
    waited = sorted(_waits(evidence))
    if waited:
        yield "answer after", f"{_spread(waited)} (over WebSockets, from the first send)"
    yield "agent calls", f"{len(evidence.calls)} for {len(evidence.rows.turns)} turns"
    yield "errors in logs", _counts(outcome.errors)
    yield "quiet after", "never" if outcome.calm is None else f"{outcome.calm:.1f} s"
    yield "took", f"{outcome.seconds:.0f} s"


def _blows(evidence: Evidence) -> Iterator[tuple[str, str]]:
    happened = Counter(incident.kind for incident in evidence.incidents)
    gateways: Sequence[Kind] = ("kill", "term", "freeze")
    database: Sequence[Kind] = ("database_restart", "database_freeze")
    others = sorted(set(happened) - set(gateways) - set(database))
    yield "gateways", _counts({kind: happened[kind] for kind in gateways})
    yield "database", _counts({kind: happened[kind] for kind in database})
    yield "networks", _counts({kind: happened[kind] for kind in others})


def _takeovers(evidence: Evidence, timing: Timing) -> Iterator[tuple[str, str]]:
    named, checked = bounds_of(timing, 0), bounds_of(timing)
    found = recoveries(evidence)
    if of_the_dead := sorted(one.seconds for one in found if not one.own):
        limit = f"TTL + one sweep {named.dead_s:.1f} s, checked against {checked.dead_s:.1f} s"
        yield "turns taken over", f"{len(of_the_dead)}: {_spread(of_the_dead)} ({limit})"
    if of_its_own := sorted(one.seconds for one in found if one.own):
        limit = f"ten seconds + one sweep {named.own_s:.1f} s, checked against {checked.own_s:.1f} s"
        yield "turns of a lost claim", f"{len(of_its_own)}: {_spread(of_its_own)} ({limit})"


def _spread(seconds: Sequence[float]) -> str:
    return f"median {median(seconds):.1f} s, worst {seconds[-1]:.1f} s"


def _waits(evidence: Evidence) -> Iterator[float]:
    """Seconds from what a client first sent to the reply's row."""
    keys = {ack.turn_id: (ack.user, ack.key) for ack in evidence.acked}
    sent = {(one.user, one.key): one.at for one in evidence.sent}
    for heard in evidence.heard:
        key = keys.get(heard.turn_id)
        if heard.role == "assistant" and key is not None:
            yield heard.at - sent[key]


def _deliveries(evidence: Evidence) -> Iterator[tuple[str, str]]:
    repetitions = match_chats(evidence).repetitions
    explained = explain(evidence, repetitions)
    yield (
        "Telegram messages",
        f"{len(evidence.delivered)}, chunks {_counts(Counter(i.state for i in evidence.rows.items))}",
    )
    causes = _counts(explained.by_cause) if explained.by_cause else "none"
    yield "sent again", f"{len(repetitions)}: {causes}; unexplained {len(explained.unexplained)}"
    yield "room for repetitions", _counts(room_for_repetitions(evidence))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items()) or "none"


def _verdicts(verdict: Verdict) -> Table:
    table = Table("", "invariant", "", title="Invariants", title_justify="left")
    for invariant, violations in verdict.by_invariant.items():
        table.add_row(
            invariant, MEANING[invariant], f"[red]{len(violations)} violations" if violations else "[green]ok"
        )
    return table
