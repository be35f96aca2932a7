"""Each check fails when what it checks is broken: the same little storm, sound and with one mechanism taken out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.cluster import Timing
from tests.faults.invariants import Invariant
from tests.faults.report import judge
from tests.faults.sabotage import without_dedup, without_fencing
from tests.faults.storm import Plan, Sabotage, run_storm
from tests.faults.test_storm import silently
from tests.faults.weather import Front

pytestmark = pytest.mark.faults

KILLS = Front((1.2, 2.0), {"kill": 1}, (0.5, 0.5))
FREEZES = Front((1.0, 1.5), {"freeze": 1}, (3.5, 3.5))
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
    LITTLE, fronts=(FREEZES,), sabotage=Sabotage(failpoints={"agent_end": "pause:0.5@*"}, database=without_fencing)
)
OFFSET_FIRST = replace(LITTLE, sabotage=Sabotage(running("offset"), {"before_t1": "pause:0.4@*"}))
MARKED_FIRST = replace(LITTLE, sabotage=Sabotage(running("marks"), {"before_send": "pause:0.4@*"}))
BROKEN: list[tuple[str, Plan, Invariant]] = [
    ("dedup off", DEDUP_OFF, "I1"),
    ("fencing off", FENCING_OFF, "I1"),
    ("offset before the commit", OFFSET_FIRST, "I1"),
    ("marked before it is sent", MARKED_FIRST, "I3"),
]


@pytest.mark.parametrize(("plan", "invariant"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
async def test_a_broken_mechanism_is_found(tmp_path: Path, plan: Plan, invariant: Invariant) -> None:
    """The check that is there for it has something to say."""
    outcome = await run_storm(plan, tmp_path, silently)
    assert judge(outcome, plan.timing).by_invariant[invariant]


async def test_the_same_weather_harms_a_sound_gateway_in_nothing(tmp_path: Path) -> None:
    """It is the broken mechanism that is found, not the weather or the failpoints."""
    failpoints = {name: action for _, plan, _ in BROKEN for name, action in plan.sabotage.failpoints.items()}
    sound = replace(LITTLE, fronts=(KILLS, FREEZES), sabotage=Sabotage(failpoints=failpoints))
    verdict = judge(await run_storm(sound, tmp_path, silently), sound.timing)
    assert [one for found in verdict.by_invariant.values() for one in found] == []
