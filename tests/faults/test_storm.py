"""A storm of twenty seconds, otherwise the same as `make soak`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.faults.cluster import Timing
from tests.faults.report import judge
from tests.faults.storm import CHAT_SENT_TO, Plan, run_storm, silently
from tests.faults.weather import BOT, DATABASE, GATEWAYS, NETWORK, SOCKETS, forecast
from tests.pace import slowness

pytestmark = pytest.mark.faults

SLACK_S = 8.0
"""On a machine of usual pace; on a slower one everything takes as many times longer."""

SMALL = Plan(
    seconds=20.0,
    seed=7,
    replicas=2,
    talkers=30,
    talker_pace_s=2.0,
    people=5,
    person_pace_s=4.0,
    planners=2,
    timing=Timing(heartbeat_s=0.5, ttl_s=4.0, sweep_s=0.3, poll_s=0.2),
    doomed_share=0.5,
    fronts=(
        replace(GATEWAYS, every_s=(2.0, 6.0), lasts_s=(0.5, 7.0)),
        replace(DATABASE, every_s=(8.0, 14.0), kinds={"database_restart": 1}),
        NETWORK,
        BOT,
        SOCKETS,
    ),
)


async def test_nothing_is_lost_doubled_or_swapped_in_a_storm(tmp_path: Path) -> None:
    """I1–I7 hold while gateways are killed, Postgres restarts, and connections and responses are lost."""
    outcome = await run_storm(SMALL, tmp_path, silently)
    verdict = judge(outcome, SMALL, SLACK_S * max(1.0, slowness()))
    violations = [violation for found in verdict.by_invariant.values() for violation in found]
    assert (violations, verdict.ended, verdict.quiet) == ([], 0, True)
    kinds = {incident.kind for incident in outcome.evidence.incidents}
    assert {"kill", "database_restart", "socket_cut"} <= kinds
    assert len(outcome.evidence.acked) > 100


def test_a_seed_reproduces_its_storm() -> None:
    """What happens when, where and for how long depends only on the seed."""
    assert forecast(Random(7), 600, 3) == forecast(Random(7), 600, 3)
    assert forecast(Random(7), 600, 3) != forecast(Random(8), 600, 3)


@pytest.mark.parametrize("seed", range(5))
def test_ten_minutes_are_stormy_enough(seed: int) -> None:
    """They include at least a hundred kills and fifteen restarts of Postgres, all over in time."""
    blows = [blow for front in forecast(Random(seed), 600, 3) for blow in front]
    kinds = [blow.kind for blow in blows]
    assert kinds.count("kill") > 100
    assert kinds.count("database_restart") > 15
    assert max(blow.after + blow.lasts_s for blow in blows) <= 600


@pytest.mark.parametrize(
    "body", [b"chat_id=-1001&text=hi", b"text=hi+1&chat_id=-1001", b'{"chat_id": -1001, "text": "hi"}']
)
def test_the_request_tells_whose_response_was_lost(body: bytes) -> None:
    """A lost response explains a repetition only in its own chat."""
    asked = b"POST /bot777:AAF/sendMessage HTTP/1.1\r\nHost: here\r\n\r\n" + body
    found = CHAT_SENT_TO.search(asked)
    assert found is not None
    assert int(found[1]) == -1001
    assert CHAT_SENT_TO.search(asked.replace(b"sendMessage", b"sendChatAction")) is None
