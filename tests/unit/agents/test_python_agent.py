"""Agents of kind `python`: what may be named, and what is said when it can't be used."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from gateway.agents.python import PythonAgent, load_target
from gateway.agents.registry import build_agents
from gateway.config import PythonAgentSettings, Turns
from gateway.core.events import TextDelta, ToolCall
from gateway.core.model import AgentName
from gateway.errors import AgentError, SettingsError
from tests.unit.agents.turns import events_of, text_of, turn

NAME = AgentName("mine")
HERE = "tests.unit.agents.targets"


def agent(attribute: str) -> PythonAgent:
    """The agent of a target in `targets.py`."""
    return PythonAgent(NAME, load_target(NAME, f"{HERE}:{attribute}"))


@pytest.mark.parametrize(
    "attribute",
    ["function", "generator", "plain", "plain_generator", "AsClass", "instance", "instance.run", "Callable"],
)
async def test_takes_any_shape(attribute: str) -> None:
    """Functions, generators and objects, asynchronous or not."""
    assert await text_of(agent(attribute).run(turn("hi"))) == "you said hi"


async def test_passes_events_on() -> None:
    """A generator may yield events between its texts."""
    assert await events_of(agent("with_tool").run(turn("hi"))) == [ToolCall("1", "look", {}), TextDelta("done")]


async def test_plain_functions_run_in_a_thread() -> None:
    """A function that blocks holds nobody else up."""
    assert await text_of(agent("thread_name").run(turn("hi"))) != threading.current_thread().name


async def test_refuses_other_answers() -> None:
    """An answer that is no text is the author's mistake, and no attempt mends it."""
    with pytest.raises(AgentError, match="mine answered with int") as caught:
        await text_of(agent("number").run(turn("hi")))
    assert not caught.value.retryable


async def test_passes_exceptions_on() -> None:
    """What the function raises reaches the runner as it is."""
    with pytest.raises(ZeroDivisionError):
        await text_of(agent("broken").run(turn("hi")))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_package.module:object", "there is no module no_such_package"),
        (f"{HERE}:missing", "has no missing"),
        (f"{HERE}:TEXT", "it is str"),
        (f"{HERE}:two_arguments", "other arguments"),
        (f"{HERE}:NeedsArguments", "making an instance failed"),
        ("tests.unit.agents.needs_library:run", "needs no_such_library"),
        ("tests.unit.agents.raises:run", "failed with RuntimeError: at import"),
    ],
)
def test_says_what_is_wrong_with_a_target(target: str, reason: str) -> None:
    """The start stops with the setting's name and the reason."""
    with pytest.raises(SettingsError, match=r"agents\.mine\.target") as caught:
        load_target(NAME, target)
    assert reason in str(caught.value)


async def test_finds_modules_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beside the settings needs no installing."""
    (tmp_path / "my_agent_file.py").write_text("async def answer(turn):\n    return 'from the file'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    settings = PythonAgentSettings(kind="python", target="my_agent_file:answer")
    agents = build_agents({"mine": settings}, Turns())
    assert await text_of(agents[NAME].run(turn("hi"))) == "from the file"
