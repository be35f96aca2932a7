"""A gateway, and the user whom the tests erase."""

from __future__ import annotations

import pytest

from gateway.app.running.serve import Running
from tests.detours import Detours
from tests.world import Person, World


@pytest.fixture
async def gateway(world: World, detours: Detours) -> Running:
    """A gateway with the demo agent."""
    return await world.gateway(detours.seams)


@pytest.fixture
async def mia(world: World, gateway: Running) -> Person:
    """A user."""
    return await world.person("mia", gateway.url)
