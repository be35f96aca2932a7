"""Agents of kind `python`: valid targets, and the errors for others."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.agents.python.agent import PythonAgent
from gateway.agents.python.settings import PythonAgentSettings
from gateway.agents.python.target import load_target
from gateway.agents.registry import build_agents
from gateway.agents.threads import in_daemon_thread
from gateway.core.events import TextDelta, ToolCall
from gateway.core.model import AgentName
from gateway.core.settings import Turns
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
    """A blocking function does not hold up anything else."""
    assert await text_of(agent("thread_name").run(turn("hi"))) != threading.current_thread().name


@pytest.mark.parametrize(("attribute", "said"), [("is_daemon", "True"), ("each_in_a_daemon", "TrueTrue")])
async def test_threads_hold_no_process_up(attribute: str, said: str) -> None:
    """The process ends without waiting for any of them."""
    assert await text_of(agent(attribute).run(turn("hi"))) == said


async def test_a_stop_iteration_is_an_error_like_any() -> None:
    """A coroutine cannot raise it unchanged."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await text_of(agent("stops_iterating").run(turn("hi")))


async def test_many_blocking_calls_run_side_by_side() -> None:
    """More than a shared thread pool would run; each waits for all the others."""
    together = threading.Barrier(50, timeout=10)
    await asyncio.gather(*(in_daemon_thread(together.wait) for _ in range(50)))


def test_a_call_may_outlive_its_loop() -> None:
    """Its result is then silently dropped."""
    go_on, threads = threading.Event(), []

    def call() -> None:
        threads.append(threading.current_thread())
        go_on.wait(10)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_daemon_thread(call), 0.05)

    asyncio.run(give_up())
    go_on.set()
    threads[0].join(10)
    assert not threads[0].is_alive()


async def test_refuses_other_answers() -> None:
    """An answer that is not text is the author's mistake, and no attempt fixes it."""
    with pytest.raises(AgentError, match="mine answered with int") as caught:
        await text_of(agent("number").run(turn("hi")))
    assert not caught.value.retryable


async def test_passes_exceptions_on() -> None:
    """The function's exception reaches the runner unchanged."""
    with pytest.raises(ZeroDivisionError):
        await text_of(agent("broken").run(turn("hi")))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_package.module:object", "there is no module no_such_package"),
        (f"{HERE}:missing", "has no missing"),
        (f"{HERE}:TEXT", "it is str"),
        (f"{HERE}:two_arguments", "exactly one argument"),
        (f"{HERE}:NeedsArguments", "making an instance failed"),
        ("tests.unit.agents.needs_library:run", "needs no_such_library"),
        ("tests.unit.agents.raises:run", "failed with RuntimeError: at import"),
    ],
)
def test_says_what_is_wrong_with_a_target(target: str, reason: str) -> None:
    """The start fails with the setting's name and the reason."""
    with pytest.raises(SettingsError, match=r"agents\.mine\.target") as caught:
        load_target(NAME, target)
    assert reason in str(caught.value)


@pytest.mark.usefixtures("own_path")
async def test_finds_modules_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beside the settings need not be installed."""
    (tmp_path / "my_agent_file.py").write_text("async def answer(turn):\n    return 'from the file'\n")
    monkeypatch.chdir(tmp_path)
    settings = PythonAgentSettings(kind="python", target="my_agent_file:answer")
    agents = build_agents({"mine": settings}, Turns())
    assert await text_of(agents[NAME].run(turn("hi"))) == "from the file"
