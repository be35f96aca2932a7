"""Checks of the configured agents."""

from __future__ import annotations

import asyncio

from gateway.agents.installed import BrokenKind
from gateway.agents.registry import build_agents
from gateway.cli.checks.finding import Finding
from gateway.config import Settings
from gateway.core.ports.agents import Agent, Checking, Closing
from gateway.errors import AgentError, GatewayError

LONGEST_CHECK_S = 10.0


async def agent(settings: Settings, name: str) -> Finding:
    """Whether the agent can be built and reaches what it needs."""
    chosen = settings.agents[name]
    wrong = f"Change [agents.{name}] in the settings."
    try:
        (built,) = build_agents({name: chosen}, settings.turns).values()
    except GatewayError as error:
        return Finding(f"agent {name}", ok=False, detail=str(error), remedy=wrong)
    try:
        found = await _checked(built)
    except AgentError as error:
        remedy = f"Start the server that the agent needs, or change [agents.{name}] in the settings."
        return Finding(f"agent {name}", ok=False, detail=str(error), remedy=remedy)
    finally:
        if isinstance(built, Closing):
            await built.aclose()
    return Finding(f"agent {name}", ok=True, detail=f"kind {chosen.kind}{found}")


def broken(kind: BrokenKind) -> Finding:
    """Reports a kind of agent from an installed package that cannot be used."""
    return Finding(
        f"kind of agent {kind.name}",
        ok=False,
        detail=kind.reason,
        remedy="Upgrade or uninstall that package. Agents of other kinds work without it.",
    )


async def _checked(built: Agent) -> str:
    """Raises `AgentError`."""
    if not isinstance(built, Checking):
        return ""
    try:
        async with asyncio.timeout(LONGEST_CHECK_S):
            return f": {await built.check()}"
    except TimeoutError:
        raise AgentError(f"the service it needs did not answer within {LONGEST_CHECK_S:.0f} s") from None
