"""Kinds of agents that installed packages bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.agents.installed import broken_kinds, installed_names
from gateway.agents.registry import build_agents
from gateway.config import Settings, load_settings
from gateway.core.model import AgentName
from gateway.core.ports.agents import Agent
from gateway.errors import SettingsError
from tests.packages import Site
from tests.shell import Shell
from tests.world import World
from turngate.testing.agents import Case, cases_of, new_turn, reply_of, under_test

ECHO = """
from dataclasses import dataclass

from turngate import AgentKind, AgentName, AgentSettings, SettingsError, TextDelta


class Settings(AgentSettings):
    prefix: str
    times: int = 1


@dataclass
class Echo:
    name: AgentName
    settings: Settings

    async def run(self, turn):
        for _ in range(self.settings.times):
            yield TextDelta(f"{self.settings.prefix} {self.name}: {turn.text}")


def build(name, settings):
    if settings.times > 3:
        raise SettingsError(f"agents.{name}.times is {settings.times}; it should be at most 3.")
    return Echo(name, settings)


KIND = AgentKind(Settings, build)
"""
SETTINGS = """
[agents.parrot]
kind = "echo"
prefix = 7
history = 3
timeout_s = 9
"""


@pytest.fixture
def settings_file(site: Site, tmp_path: Path) -> Path:
    """Settings with an agent of an installed kind."""
    site.install_agent("echoes", ECHO, "echo")
    file = tmp_path / "turngate.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    return file


def built(settings: Settings) -> Agent:
    """The only agent in the settings."""
    return build_agents(settings.agents, settings.turns)[AgentName("parrot")]


async def test_an_installed_kind_is_built_from_its_own_and_the_common_keys(settings_file: Path) -> None:
    """As any other kind is."""
    settings = load_settings(settings_file)
    assert (settings.agents["parrot"].kind, settings.agents["parrot"].history) == ("echo", 3)
    assert await reply_of(built(settings), new_turn("hello")) == "7 parrot: hello"


async def test_an_installed_kind_passes_the_conformance_suite(settings_file: Path) -> None:
    """Cases apply to it as to any agent."""
    agent = under_test(built(load_settings(settings_file)))
    cases: list[Case] = cases_of(agent)
    assert cases
    for case in cases:
        await case.run(agent)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("prefix = 7", "", "agents.parrot.prefix: is missing"),
        ("prefix = 7", "prefix = 7\ncolour = 1", "agents.parrot.colour: is not a setting"),
        ("timeout_s = 9", "timeout_s = 0", "agents.parrot.timeout_s"),
        ('"echo"', '"ehco"', "kind is 'ehco'; it should be one of: "),
    ],
)
def test_a_wrong_key_is_named(settings_file: Path, before: str, after: str, says: str) -> None:
    """The package's own and the common ones; an unknown kind with all that there are."""
    settings_file.write_text(SETTINGS.replace(before, after), encoding="utf-8")
    with pytest.raises(SettingsError, match=says) as caught:
        load_settings(settings_file)
    assert ("'echo'" in str(caught.value)) == ("kind is" in says)


def test_settings_that_contradict_others_are_refused(settings_file: Path) -> None:
    """By the package's own error."""
    settings_file.write_text(f"{SETTINGS}times = 4", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"agents\.parrot\.times is 4"):
        built(load_settings(settings_file))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import nothing_like_it", "importing echoes_agent:KIND of echoes 1.0 failed with ModuleNotFoundError"),
        ("KIND = 7", "is int; it should be a turngate.AgentKind"),
        (ECHO.replace("prefix: str", "prefix: str\n    history: int = 1"), "has keys that every agent has: history"),
        (f"{ECHO}\nKIND = AgentKind(Settings, lambda name, settings: 7)", "built int, which has no run"),
        (f"{ECHO}\nKIND = AgentKind(Settings, lambda name, settings: 1 / 0)", "failed with ZeroDivisionError"),
    ],
)
def test_a_broken_package_is_named(site: Site, tmp_path: Path, code: str, says: str) -> None:
    """Agents of its kind stop the start."""
    site.install_agent("echoes", code, "echo")
    file = tmp_path / "turngate.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    with pytest.raises(SettingsError, match=says):
        built(load_settings(file))


def test_two_packages_of_one_name_and_names_of_the_gateway_are_refused(site: Site) -> None:
    """They are no kinds, and `turngate doctor` lists them."""
    site.install_agent("one", ECHO, "echo")
    site.install_agent("two", ECHO, "echo")
    site.install_agent("three", ECHO, "demo")
    site.install_agent("four", ECHO, "Has-Capitals")
    assert installed_names() == ("echo",)
    reasons = {kind.name: kind.reason for kind in broken_kinds()}
    assert set(reasons) == {"Has-Capitals", "demo", "echo"}
    assert "one 1.0 and two 1.0" in reasons["echo"]
    assert "the gateway's own" in reasons["demo"]


async def test_a_gateway_answers_with_an_installed_kind(settings_file: Path, world: World) -> None:
    """People talk to it as to any agent."""
    settings = load_settings(settings_file)
    gateway = await world.gateway(agents=settings.agents, default_agent="parrot")
    mia = await world.person("mia", gateway.url)
    made = await mia.posts("/api/chat/sessions", 201)
    reply = await mia.posts(f"/api/chat/sessions/{made['session_id']}/messages", 200, text="hello")
    assert "7 parrot: hello" in str(reply)


async def test_the_command_line_tries_and_checks_an_installed_kind(
    settings_file: Path, site: Site, database_url: str
) -> None:
    """In a process of its own, where the package is installed."""
    site.install_agent("broken", "import nothing_like_it", "broken")
    shell = Shell(settings_file.parent, database_url)
    shell.env["PYTHONPATH"] = f"{site.folder}:{shell.env['PYTHONPATH']}"
    assert (await shell.runs("agents", "try", "parrot", "hello", "--json")).json["text"] == "7 parrot: hello"
    found = {finding["name"]: finding for finding in (await shell.runs("doctor", "--json")).json}
    assert found["agent parrot"]["ok"]
    assert not found["kind of agent broken"]["ok"]
    assert "ModuleNotFoundError" in found["kind of agent broken"]["detail"]
