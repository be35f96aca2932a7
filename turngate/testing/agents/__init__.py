"""The conformance suite for agents: docs/agents.md shows how to run it."""

from __future__ import annotations

from turngate.testing.agents.loading import configured_agent, under_test
from turngate.testing.agents.running import events_of, reply_of
from turngate.testing.agents.subject import ABILITIES, Ability, AgentUnderTest, Fault, Provider
from turngate.testing.agents.suite import CASES, Case, cases_of
from turngate.testing.agents.turns import new_turn

__all__ = [
    "ABILITIES",
    "CASES",
    "Ability",
    "AgentUnderTest",
    "Case",
    "Fault",
    "Provider",
    "cases_of",
    "configured_agent",
    "events_of",
    "new_turn",
    "reply_of",
    "under_test",
]
