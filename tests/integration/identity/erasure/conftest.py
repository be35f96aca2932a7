"""A gateway, and the user whom the tests erase."""

from __future__ import annotations

import pytest

from gateway.app.serve import Running
from tests.world import Person, World


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway with the demo agent."""
    return await world.gateway()


@pytest.fixture
async def mia(world: World, gateway: Running) -> Person:
    """A user."""
    return await world.person("mia", gateway.url)
