"""Where a connection may reach everybody's rows, the gateway refuses to serve, and says what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import storage.migrating.migrate
from gateway.app.running.serve import running_gateway
from gateway.cli.checks.all_checks import check_all
from gateway.errors import SettingsError
from storage.identity import APP_ROLE, SYSTEM_ROLE
from storage.pools import SESSION_SETTINGS
from tests.acceptance.pages import text_of
from tests.pooler.pgbouncer import pgbouncer
from tests.world import Person, World

SESSIONS = "/api/chat/sessions"
DROPPED = ("role", *SESSION_SETTINGS)


def behind(world: World, url: str) -> World:
    """The same world, whose gateways use that URL."""
    return World(url, world.folder, world._stack)


async def serves(world: World, **given: Any) -> None:
    """Starts a gateway; fails if it serves, most of all if bob reads ann's session."""
    async with running_gateway(world.settings(**given)) as running:
        await running.until(running.ready)
        ann, bob = await world.person("ann", running.url), await world.person("bob", running.url)
        session = await ann.posts(SESSIONS, 201, title="a secret plan")
        assert await title_for(bob, session["session_id"]) != "a secret plan", "bob reads what is ann's"
        pytest.fail("the gateway serves")


async def title_for(person: Person, session_id: str) -> str | None:
    _, told = await person.calls("GET", f"{SESSIONS}/{session_id}")
    title: str | None = told.get("title")
    return title


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_a_pooler_that_drops_the_role_stops_the_start(mode: str, world: World, tmp_path: Path) -> None:
    """Without the proof bob reads ann's session."""
    async with pgbouncer(tmp_path / "pooler", world.database_url, mode, DROPPED) as pooler:
        with pytest.raises(SettingsError, match="TURNGATE_DATABASE__APP_URL"):
            await serves(behind(world, pooler.url()))


async def test_a_pooler_that_signs_in_as_somebody_else_stops_the_start(world: World, tmp_path: Path) -> None:
    """`user=` in PgBouncer's list of databases: whoever comes, the server sees one account."""
    async with pgbouncer(tmp_path / "pooler", world.database_url, "transaction", forced="turngate") as pooler:
        urls = {"app_url": pooler.url(APP_ROLE), "system_url": pooler.url(SYSTEM_ROLE)}
        with pytest.raises(SettingsError, match="must sign in as 'turngate_app' itself"):
            await serves(world, database=urls)


async def test_a_pooler_that_takes_no_settings_stops_the_start(world: World, tmp_path: Path) -> None:
    """The message names the line that PgBouncer's configuration needs."""
    async with pgbouncer(tmp_path / "pooler", world.database_url, "transaction", ()) as pooler:
        urls = {"app_url": pooler.url(APP_ROLE), "system_url": pooler.url(SYSTEM_ROLE)}
        with pytest.raises(SettingsError, match="ignore_startup_parameters = plan_cache_mode, statement_timeout"):
            await serves(world, database=urls)


def test_the_page_names_what_a_pooler_has_to_ignore() -> None:
    """The same list as in the message."""
    assert f"ignore_startup_parameters = {', '.join(SESSION_SETTINGS)}\n" in text_of("docs/operations.md")


async def test_doctor_looks_through_the_same_pools(world: World, tmp_path: Path) -> None:
    """What stops the gateway is a finding with its remedy."""
    async with pgbouncer(tmp_path / "pooler", world.database_url, "session", DROPPED) as pooler:
        settings = behind(world, pooler.url()).settings()
        found = {finding.name: finding async for finding in check_all(settings)}
    assert not found["database"].ok
    assert "TURNGATE_DATABASE__APP_URL" in found["database"].detail


async def test_migrations_are_not_applied_through_a_pooler(empty_database_url: str, tmp_path: Path) -> None:
    """Their lock would belong to a server process that the next statement may not run in."""
    async with pgbouncer(tmp_path / "pooler", empty_database_url, "transaction") as pooler:
        with pytest.raises(SettingsError, match="direct connection"):
            await storage.migrating.migrate.migrate(pooler.url())
