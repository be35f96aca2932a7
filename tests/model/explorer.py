"""Visits every reachable state, checks each, and checks that the end can be reached from all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.model.checks import violations
from tests.model.cluster import Bounds, Label, State, done, start
from tests.model.leases import Rules
from tests.model.steps import steps

STUCK = "I5: from here the end can't be reached"


@dataclass(frozen=True, slots=True)
class Explored:
    """The number of states, and the shortest path to the first bad one: what is wrong, and each step."""

    states: int
    wrong: str | None = None
    trail: Sequence[str] = ()


def explore(bounds: Bounds, rules: Rules = Rules()) -> Explored:  # noqa: B008 - a value
    """Breadth first, so that the path to a bad state is as short as possible."""
    first = start(bounds)
    seen: dict[State, int] = {first: 0}
    came: list[tuple[int, Label]] = [(0, ())]
    before: list[list[int]] = [[]]
    ends: list[int] = []
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        here = seen[state]
        if (wrong := next(violations(state), None)) is not None:
            return Explored(len(seen), wrong, _trail(came, here))
        if done(state, bounds):
            ends.append(here)
        for label, after in steps(state, bounds, rules):
            there = seen.get(after)
            if there is None:
                there = seen[after] = len(came)
                came.append((here, label))
                before.append([])
                waiting.append(after)
            before[there].append(here)
    stuck = next(_unending(before, ends), None)
    return Explored(len(seen)) if stuck is None else Explored(len(seen), STUCK, _trail(came, stuck))


def _unending(before: Sequence[Sequence[int]], ends: Iterable[int]) -> Iterator[int]:
    """The states from which no end can be reached, nearest to the start first."""
    reaching = set(ends)
    waiting = deque(reaching)
    while waiting:
        for earlier in before[waiting.popleft()]:
            if earlier not in reaching:
                reaching.add(earlier)
                waiting.append(earlier)
    return (number for number in range(len(before)) if number not in reaching)


def _trail(came: Sequence[tuple[int, Label]], place: int) -> Sequence[str]:
    labels = []
    while place:
        place, label = came[place]
        labels.append(" ".join(map(str, label)))
    return labels[::-1]
