"""Checks of the channels, and of the servers of their networks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial

from channels.installed import BrokenPackage, installed_names
from channels.table import Chosen, chosen_networks, switched_off
from gateway.app.building.stores import database_logins, open_postgres
from gateway.cli.checks.finding import Finding
from gateway.config import Settings
from gateway.core.networks import CheckedCall, IsPolled
from gateway.errors import GatewayError, SettingsError
from storage.database import open_pools
from storage.replicas.replicas import is_polled

LONGEST_CHECK_S = 10.0


async def _may_be_polled(settings: Settings, account: str) -> bool:
    """Without a database nobody knows, so a gateway may be polling."""
    try:
        async with open_postgres(settings):
            database = await open_pools(database_logins(settings), size=1)
            try:
                return await is_polled(database, account)
            finally:
                await database.close()
    except GatewayError:
        return True


def unused_networks(settings: Settings) -> Sequence[Finding]:
    """Installed networks that are off, and how to switch each one on."""
    ours = [Finding(name, ok=True, detail=remedy) for name, remedy in switched_off(settings).items()]
    others = [name for name in installed_names() if name not in settings.channels]
    return ours + [Finding(name, ok=True, detail=f"off; [channels.{name}] turns it on") for name in others]


async def networks(settings: Settings) -> AsyncIterator[Finding]:
    """Checks what the servers of all enabled networks support."""
    try:
        chosen = [each for each in chosen_networks(settings) if isinstance(each, Chosen)]
    except SettingsError as error:
        yield Finding("channels", ok=False, detail=str(error), remedy="Correct [channels] in the settings.")
        return
    for each in chosen:
        async for finding in _network(each, partial(_may_be_polled, settings)):
            yield finding


async def _network(chosen: Chosen, is_polled: IsPolled) -> AsyncIterator[Finding]:
    if chosen.kind.check is None:
        yield Finding(chosen.name, ok=True, detail="its settings can be used")
        return
    try:
        async with asyncio.timeout(LONGEST_CHECK_S):
            calls = await chosen.kind.check(chosen.settings, is_polled)
    except GatewayError as error:
        yield Finding(chosen.name, ok=False, detail=str(error))
    except TimeoutError:
        yield Finding(chosen.name, ok=False, detail=f"its network did not answer within {LONGEST_CHECK_S:.0f} s")
    except Exception as error:  # noqa: BLE001 - a failing package is reported, and the others are checked
        yield Finding(chosen.name, ok=False, detail=f"checking it failed with {type(error).__name__}: {error}")
    else:
        for call in calls:
            yield network_call(chosen.name, call)


def network_call(name: str, call: CheckedCall) -> Finding:
    """Whether a network's server supports a call that the gateway needs; optional ones may be missing."""
    need = "essential" if call.essential else "optional"
    return Finding(
        f"{name} {call.method}",
        ok=call.works or not call.essential,
        detail=f"{need}: {call.detail}",
        remedy=f"Point the settings of {name} at a server that supports it.",
    )


def broken(package: BrokenPackage) -> Finding:
    """Reports an installed package that cannot be used."""
    return Finding(
        f"channel {package.name}",
        ok=False,
        detail=package.reason,
        remedy="Upgrade or uninstall that package. The other channels work without it.",
    )
