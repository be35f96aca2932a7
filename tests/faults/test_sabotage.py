"""Each check fails when what it checks is broken: the same short storm, intact and with one mechanism removed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.faults.cluster import Timing
from tests.faults.invariants import Invariant, Violation
from tests.faults.report import judge
from tests.faults.sabotage import without_dedup, without_fencing
from tests.faults.storm import Plan, Sabotage, run_storm, silently
from tests.faults.weather import Front

pytestmark = pytest.mark.faults

TRIES = 3
SLACK_S = 10.0
"""Ten gateways start at once here."""
KILLS = Front((1.2, 2.0), {"kill": 1}, (0.5, 0.5))
FREEZES = Front((1.0, 1.5), {"freeze": 1}, (3.5, 3.5))
# With the seed below, they hit one gateway after another.
FEW_FREEZES = replace(FREEZES, every_s=(2.0, 2.5))
LITTLE = Plan(
    seconds=6.0,
    seed=1,
    replicas=2,
    talkers=12,
    talker_pace_s=0.7,
    people=8,
    person_pace_s=0.8,
    planners=0,
    timing=Timing(heartbeat_s=0.3, ttl_s=2.0, sweep_s=0.2, poll_s=0.2),
    fronts=(KILLS,),
)


def running(mechanism: str) -> tuple[str, ...]:
    """The gateway without one of its mechanisms."""
    return ("tests.faults.sabotage", mechanism)


DEDUP_OFF = replace(LITTLE, sabotage=Sabotage(failpoints={"before_ack": "raise@5"}, database=without_dedup))
FENCING_OFF = replace(
    LITTLE,
    seconds=9.0,
    seed=5,
    # Few have said more by the time a late result comes: a turn that waits would be claimed twice, and refuses that.
    talkers=60,
    talker_pace_s=8.0,
    people=0,
    fronts=(FEW_FREEZES,),
    sabotage=Sabotage(failpoints={"agent_end": "pause:0.8@*"}, database=without_fencing),
)
OFFSET_FIRST = replace(LITTLE, sabotage=Sabotage(running("offset"), {"before_t1": "pause:0.4@*"}))
MARKED_FIRST = replace(LITTLE, sabotage=Sabotage(running("marks"), {"before_send": "pause:0.4@*"}))
BROKEN: dict[str, tuple[Plan, Invariant]] = {
    "dedup off": (DEDUP_OFF, "I1"),
    "fencing off": (FENCING_OFF, "I1"),
    "offset before the commit": (OFFSET_FIRST, "I1"),
    "marked before it is sent": (MARKED_FIRST, "I3"),
}
# The same weather and failpoints, and nothing broken.
SOUND = replace(
    LITTLE,
    fronts=(KILLS, FREEZES),
    sabotage=Sabotage(
        failpoints={name: do for plan, _ in BROKEN.values() for name, do in plan.sabotage.failpoints.items()}
    ),
)

Found = Mapping[Invariant, Sequence[Violation]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """The violations of each storm; storms run side by side, as they mostly wait.

    Whether a kill hits at a harmful moment is chance: a storm that finds nothing is repeated with other seeds, `TRIES` in all.
    """
    plans = {"nothing": SOUND, **{name: plan for name, (plan, _) in BROKEN.items()}}

    async def violated(name: str, plan: Plan) -> tuple[str, Found]:
        harm: Found = {}
        for seed in range(plan.seed, plan.seed + TRIES):
            folder, tried = tmp_path_factory.mktemp(name.replace(" ", "-")), replace(plan, seed=seed)
            harm = judge(await run_storm(tried, folder, silently), tried, SLACK_S).by_invariant
            if name not in BROKEN or harm[BROKEN[name][1]]:
                break
        return name, harm

    return dict(await asyncio.gather(*(violated(name, plan) for name, plan in plans.items())))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_mechanism_is_found(found: dict[str, Found], name: str) -> None:
    """The mechanism's check reports violations."""
    assert found[name][BROKEN[name][1]]


def test_the_same_weather_does_not_harm_an_intact_gateway(found: dict[str, Found]) -> None:
    """The checks find the broken mechanism, not the weather or the failpoints."""
    assert [one for violations in found["nothing"].values() for one in violations] == []
