"""Every possible next step."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.cluster import Bounds, Replica, State, Step, with_replica
from tests.model.incidents import cancels, fails, hangs, incidents
from tests.model.leases import Rules
from tests.model.replicas import flushes, own_steps, run
from tests.model.statements import commits


def steps(state: State, bounds: Bounds, rules: Rules) -> Iterator[Step]:
    """What may happen next, each with the state it leads to.

    A step that no other replica can see, and that rules out no later step, goes before all others: an agent's call, and in a
    single session the sending of a batch. Whatever fails may fail after it just as well.
    """
    alone = next(_unseen(state, bounds, rules), None)
    if alone is not None:
        yield from alone
        return
    for number, replica in enumerate(state.replicas):
        yield from commits(state, bounds, rules, number, replica)
        yield from _lives(state, bounds, rules, number, replica)
        if state.incidents < bounds.incidents:
            yield from incidents(state, number, replica)
    if state.incidents < bounds.incidents:
        yield from hangs(state)
    if state.cancels < bounds.cancels:
        yield from cancels(state)


def _lives(state: State, bounds: Bounds, rules: Rules, number: int, replica: Replica) -> Iterator[Step]:
    if replica.life == "up":
        yield from own_steps(state, bounds, rules, number, replica)
    elif not replica.expired:
        yield (number, "expires"), with_replica(state, number, replica._replace(expired=True))
    if replica.life == "frozen":
        yield (number, "thaws"), with_replica(state, number, replica._replace(life="up"))


def _unseen(state: State, bounds: Bounds, rules: Rules) -> Iterator[tuple[Step, ...]]:
    for number, replica in enumerate(state.replicas):
        if replica.life != "up":
            continue
        for task in replica.tasks:
            if not (task.called or task.stale):
                failed = fails(state, number, replica, task) if state.incidents < bounds.incidents else ()
                yield (((number, "runs", task), run(state, number, replica, task)), *failed)
        if bounds.sessions == 1 and (flushed := tuple(flushes(state, rules, number, replica))):
            yield flushed
