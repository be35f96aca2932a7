"""How much is measured, and for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seeded:
    """`sessions` sessions of `messages` messages, each visited `visits` times."""

    messages: int
    sessions: int
    visits: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Bare loop and gateway take `rounds` turns at each level, `load_s` seconds each, after `warm_s` that don't count.

    `counted_s`: how long statements are counted at each level; `still_s`: how long those of a gateway at rest.
    """

    levels: tuple[int, ...]
    rounds: int
    ceiling_rounds: int
    ceiling_s: int
    warm_s: float
    load_s: float
    lengths: tuple[Seeded, ...]
    idle: tuple[int, ...]
    settle_s: float
    counted_s: float
    still_s: float
    chats: int


LEVELS = (1, 16, 64, 256)
# There are more short sessions, and each is visited less often: otherwise, it would not stay short.
FULL = Plan(
    levels=LEVELS,
    rounds=3,
    ceiling_rounds=2,
    ceiling_s=3,
    warm_s=0.75,
    load_s=4,
    lengths=(Seeded(10, 125, 4), Seeded(1_000, 25, 20), Seeded(100_000, 2, 250)),
    idle=(1_000, 15_000),
    settle_s=2,
    counted_s=1.5,
    still_s=10,
    chats=1_000,
)
QUICK = Plan(
    levels=LEVELS,
    rounds=2,
    ceiling_rounds=1,
    ceiling_s=1,
    warm_s=0.2,
    load_s=0.75,
    lengths=(Seeded(10, 30, 3), Seeded(1_000, 5, 18), Seeded(100_000, 1, 90)),
    idle=(250, 1_000),
    settle_s=0.75,
    counted_s=0.5,
    still_s=10,
    chats=150,
)
