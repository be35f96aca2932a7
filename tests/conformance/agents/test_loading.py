"""What `--turngate-agent` and `under_test` take, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from tests.conformance.agents import own_agents
from turngate.testing.agents import configured_agent, new_turn, reply_of, under_test
from turngate.testing.agents.loading import load

OWN = "tests.conformance.agents.own_agents"
SETTINGS = f"""
[agents.counting]
kind = "python"
target = "{OWN}:plain_function"
[agents.demo]
kind = "demo"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two agents in its settings."""
    (tmp_path / "turngate.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def answer_of(target: str) -> str:
    """What the agent of that name says."""
    async with load(target).opens() as provider:
        return await reply_of(provider.agent(), new_turn("hi"))


@pytest.mark.parametrize("target", [f"{OWN}:function", f"{OWN}:plain_generator", f"{OWN}:Remembering"])
async def test_whatever_python_agents_may_be_is_loaded(target: str) -> None:
    """Functions, generators, and classes, without any ability declared."""
    assert load(target).abilities == frozenset()
    assert (await answer_of(target)).strip() == "hi"


def test_an_agent_under_test_is_taken_as_it_is() -> None:
    """With the abilities that it declares; a class is instantiated."""
    assert load("tests.conformance.agents.test_agents:DEMO").abilities >= {"streams", "calls_tools", "waits"}
    assert load(f"{OWN}:Declared").abilities == {"forks"}


async def test_an_agent_of_the_settings_is_loaded(folder: Path) -> None:
    """By its name alone."""
    assert await answer_of("counting") == "HI"


async def test_settings_of_an_agent_can_be_changed(folder: Path) -> None:
    """Such as the address of the server that a test puts in the place of the real one; unknown ones are refused."""
    agent = configured_agent("counting", target=f"{OWN}:plain_generator")
    assert await reply_of(agent, new_turn("hi")) == "hi "
    with pytest.raises(ValueError, match="colour"):
        configured_agent("counting", colour="red")


async def test_each_agent_object_is_new() -> None:
    """As after a restart: a class is instantiated again."""
    async with under_test(own_agents.Numbered).opens() as provider:
        first, second = [await reply_of(provider.agent(), new_turn("hi")) for _ in range(2)]
    assert int(second) == int(first) + 1


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nobody", "There is no agent 'nobody' in the settings. There are: counting, demo"),
        ("no_such_module:agent", "there is no module no_such_module"),
        (f"{OWN}:CONVERSATIONS", "it is dict; it should be"),
    ],
)
def test_what_cannot_be_loaded_is_named(folder: Path, target: str, says: str) -> None:
    """With what it should be."""
    with pytest.raises(SettingsError, match=says):
        load(target)
