"""How evenly users are distributed over servers if a few of them write most. Pure, and the same in each run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

USERS = 200_000
SLOTS = 4096
"""Users fall on slots, slots are given to servers: moving a slot moves its users and nobody else."""
SERVERS = (2, 8, 32)


@dataclass(frozen=True, slots=True)
class Skew:
    """The share of turns of the busiest server, and of users of the fullest one, relative to the average."""

    servers: int
    turns: float
    users: float


def simulate(users: int = USERS) -> Sequence[Skew]:
    """Turns by Zipf's law with exponent 0.8, a heavy tail: a hundredth of the users has a third of all turns."""
    random_slot = random.Random(1).randrange
    homes = [random_slot(SLOTS) for _ in range(users)]
    weights = [1 / (rank + 1) ** 0.8 for rank in range(users)]
    return [_skew(homes, weights, servers) for servers in SERVERS]


def _skew(homes: Sequence[int], weights: Sequence[float], servers: int) -> Skew:
    turns, people = [0.0] * servers, [0] * servers
    for slot, weight in zip(homes, weights, strict=True):
        turns[slot % servers] += weight
        people[slot % servers] += 1
    return Skew(servers, max(turns) * servers / sum(turns), max(people) * servers / len(homes))
