"""Runs every check of `turngate doctor`, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from channels.installed import broken_packages
from gateway.agents.installed import broken_kinds
from gateway.app.building.stores import leaving_nothing
from gateway.cli.checks.agents import agent
from gateway.cli.checks.agents import broken as broken_kind
from gateway.cli.checks.channels import broken, networks, unused_networks
from gateway.cli.checks.database import check_database
from gateway.cli.checks.finding import Finding
from gateway.cli.checks.machine import data_dir, disk, failpoints
from gateway.config import Settings


async def check_all(settings: Settings) -> AsyncIterator[Finding]:
    """Checks everything that can be checked once the settings are readable."""
    if settings.failpoints:
        yield failpoints(settings.failpoints)
    yield data_dir(settings.data_dir)
    yield disk(settings.data_dir)
    with leaving_nothing(settings) as unchanged:
        async for finding in _parts(unchanged):
            yield finding


async def _parts(settings: Settings) -> AsyncIterator[Finding]:
    async for finding in check_database(settings):
        yield finding
    for name in settings.agents:
        yield await agent(settings, name)
    for kind in broken_kinds():
        yield broken_kind(kind)
    for finding in [*unused_networks(settings), *map(broken, broken_packages())]:
        yield finding
    async for finding in networks(settings):
        yield finding
