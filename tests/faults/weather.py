"""The plan of a storm: what happens when, generated from a seed before the storm begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.ledger import Kind


@dataclass(frozen=True, slots=True)
class Blow:
    """A fault that begins `after` so many seconds; `place`: the number of the replica that it happens to."""

    after: float
    kind: Kind
    lasts_s: float
    place: int


@dataclass(frozen=True, slots=True)
class Front:
    """A series of faults: the length of the pauses, the kinds with their weights, and how long each fault lasts.

    `haste` 1: any pause within `every_s` is as likely as any other; more: short ones are likelier.
    """

    every_s: tuple[float, float]
    kinds: Mapping[Kind, float]
    lasts_s: tuple[float, float] = (0.0, 0.0)
    haste: float = 1.0


GATEWAYS = Front((2.0, 10.0), {"kill": 10, "term": 1, "freeze": 1.5}, (1.0, 12.0), haste=4.0)
DATABASE = Front((5.0, 40.0), {"database_restart": 4, "database_freeze": 1}, (0.2, 4.0), haste=2.5)
NETWORK = Front(
    (1.5, 8.0),
    {
        "database_cut_all": 1,
        "database_cut_one": 3,
        "database_swallow": 4,
        "database_half_close": 1,
        "database_delay": 1,
        "database_hang": 1,
        "bot_cut_all": 1,
        "bot_cut_one": 2,
        "bot_swallow": 2,
        "bot_hang": 1,
    },
    (0.3, 3.0),
)
BOT = Front((0.5, 5.0), {"bot_429": 1, "bot_5xx": 2, "bot_5xx_delivered": 1, "bot_lost": 1}, (1.0, 2.0))
SOCKETS = Front((0.2, 3.0), {"socket_cut": 1})
FRONTS = (GATEWAYS, DATABASE, NETWORK, BOT, SOCKETS)


def forecast(luck: Random, seconds: float, replicas: int, fronts: Sequence[Front] = FRONTS) -> Sequence[Sequence[Blow]]:
    """The faults of each front in order, all of which end before the storm does."""
    return [list(_blows(Random(luck.getrandbits(64)), seconds, replicas, front)) for front in fronts]


def _blows(luck: Random, seconds: float, replicas: int, front: Front) -> Iterator[Blow]:
    kinds, weights = list(front.kinds), list(front.kinds.values())
    shortest, longest = front.every_s
    after = 0.0
    while True:
        after += shortest + (longest - shortest) * luck.betavariate(1, front.haste)
        lasts_s = luck.uniform(*front.lasts_s)
        if after + lasts_s > seconds:
            return
        yield Blow(after, luck.choices(kinds, weights)[0], lasts_s, luck.randrange(replicas))
