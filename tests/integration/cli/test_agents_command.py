"""`turngate agents …` as authors of agents run it, in a folder with nothing else and without a database."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.forks import Fork, fork
from tests.shell import Shell
from tests.world import ROOT, eventually

NOWHERE = "postgresql://127.0.0.1:1/none"
AGENTS = """
import asyncio
from pathlib import Path

from turngate import AgentError, AgentSession, TextDelta, Usage, UsageReport


async def patient(turn):
    yield TextDelta("Well …")
    try:
        while not Path("go-on").exists():
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        Path("cancelled").touch()
        raise
    yield TextDelta(" there.")


async def thorough(turn):
    yield AgentSession(turn.agent_session or "new")
    yield TextDelta(turn.text)
    yield UsageReport(Usage(3, 1, "own", 0.5))


async def refusing(turn):
    raise AgentError("There is no credit left.", retryable=False, error_class="misconfigured")


async def careless(turn):
    return {}["answer"]


async def mute(turn):
    yield ""


async def endless(turn):
    await asyncio.sleep(3_600)
"""
NAMES = ("patient", "thorough", "refusing", "careless", "mute", "endless")
SETTINGS = 'default_agent = "thorough"\n' + "\n".join(
    f'[agents.{name}]\nkind = "python"\ntarget = "agents_of_a_test:{name}"\ntimeout_s = {1 if name == "endless" else 60}'
    for name in NAMES
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder with a few agents."""
    (tmp_path / "agents_of_a_test.py").write_text(AGENTS, encoding="utf-8")
    (tmp_path / "turngate.toml").write_text(SETTINGS, encoding="utf-8")
    return Shell(tmp_path, NOWHERE)


@pytest.fixture
def empty_shell(tmp_path: Path) -> Shell:
    """An empty folder."""
    return Shell(tmp_path, NOWHERE)


@pytest_asyncio.fixture
async def waiting(shell: Shell) -> AsyncIterator[tuple[Fork, Path]]:
    """`agents try` on the patient agent, which has said the first half of its answer; and what it prints."""
    out = shell.folder / "out"
    with out.open("wb") as output, (shell.folder / "err").open("wb") as errors:
        words = ("agents", "try", "patient", "hello")
        environment = {**os.environ, **shell.env}
        process = await fork(
            "gateway.cli", *words, folder=shell.folder, environment=environment, out=output, err=errors
        )

    async def has_begun() -> bool:
        return "Well" in out.read_text("utf-8")

    await eventually(has_begun)
    yield process, out
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_agents_are_listed_the_default_one_first(shell: Shell) -> None:
    """For people as a table, for scripts as one document."""
    listed = (await shell.runs_anew("agents", "list", "--json")).json
    assert [agent["name"] for agent in listed] == ["thorough", *(name for name in NAMES if name != "thorough")]
    assert listed[0] == {"name": "thorough", "kind": "python", "is_default": True, "description": None}
    assert (await shell.runs("agents", "list")).out.splitlines()[1].split() == ["thorough", "python", "yes"]


async def test_each_event_is_printed_as_it_comes(waiting: tuple[Fork, Path]) -> None:
    """The first is there while the agent is still waiting; each is named as in the package."""
    process, out = waiting
    assert out.read_text("utf-8") == 'TextDelta      "Well …"\n'
    (out.parent / "go-on").touch()
    assert await process.wait() == 0
    assert out.read_text("utf-8") == 'TextDelta      "Well …"\nTextDelta      " there."\n'
    assert "answered in" in (out.parent / "err").read_text("utf-8")


async def test_ctrl_c_cancels_the_agent(waiting: tuple[Fork, Path]) -> None:
    """It can clean up; the command ends with 130 and without a traceback."""
    process, out = waiting
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    assert (out.parent / "cancelled").exists()
    assert "Traceback" not in (out.parent / "err").read_text("utf-8")


async def test_a_turn_is_one_document_for_scripts(shell: Shell) -> None:
    """With all events, usage, and the conversation that the agent's framework has named or continued."""
    tried = await shell.runs("agents", "try", "thorough", "hello", "--session", "old", "--json")
    assert tried.code == 0, tried.err
    cached = {"cache_read_tokens": 0, "cache_write_tokens": 0}
    usage = {"input_tokens": 3, "output_tokens": 1, "model": "own", "cost": 0.5, **cached, "models": []}
    document = tried.json
    assert document.pop("seconds") >= 0
    assert document == {
        "agent": "thorough",
        "status": "completed",
        "text": "hello",
        "events": [
            {"type": "AgentSession", "name": "old"},
            {"type": "TextDelta", "text": "hello"},
            {"type": "UsageReport", "usage": usage},
        ],
        "usage": usage,
        "agent_session": "old",
        "error": None,
    }


@pytest.mark.parametrize(
    ("name", "error_class", "retryable", "says"),
    [
        ("refusing", "misconfigured", False, "There is no credit left."),
        ("careless", "agent_error", True, "KeyError: 'answer'"),
        ("mute", "agent_error", False, "The agent gave no answer."),
        ("endless", "timeout", True, "did not answer within 1 s"),
    ],
)
async def test_a_failed_turn_says_what_is_wrong(
    shell: Shell, name: str, error_class: str, retryable: bool, says: str
) -> None:
    """On standard error, with the traceback of an exception that nobody expected; exit 1."""
    tried = await shell.runs("agents", "try", name, "hello", "--json")
    assert tried.code == 1
    assert tried.json["status"] == "failed"
    assert (tried.json["error"]["class"], tried.json["error"]["retryable"]) == (error_class, retryable)
    assert says in tried.err
    assert ("Traceback" in tried.err) == (name == "careless")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("try nobody hello", "There is no agent 'nobody' in the settings. There are: patient, thorough"),
        ("try thorough", "TEXT"),
        ("new thorough", "turngate.toml has an agent 'thorough' already."),
        ("new a/b", "NAME is 'a/b'; it should have at most 64 letters"),
        ("new other --kind fax", "--kind is 'fax'; it should be one of: python, openai, pydantic_ai, http."),
    ],
)
async def test_a_wrong_argument_is_named(shell: Shell, words: str, says: str) -> None:
    """On standard error; nothing is written."""
    before = sorted(shell.folder.iterdir())
    ran = await shell.runs("agents", *words.split())
    assert ran.code != 0
    assert ran.out == ""
    assert says in ran.err
    assert sorted(shell.folder.iterdir()) == before


async def test_new_agents_run_and_pass_their_tests(empty_shell: Shell) -> None:
    """The first makes the settings, the others say what to add to them; all have tests, which pass without a network."""
    first = await empty_shell.runs("agents", "new", "weather")
    assert first.out.startswith("wrote weather_agent.py\nwrote test_weather_agent.py\nwrote turngate.toml\n")
    assert '  turngate agents try weather "hello"\n' in first.out
    made = {
        kind: (await empty_shell.runs("agents", "new", name, "--kind", kind, "--json")).json
        for kind, name in (("openai", "My.Bot"), ("pydantic_ai", "wise"), ("http", "afar"))
    }
    assert made["openai"]["written"] == ["test_my_bot_agent.py"]
    assert made["http"]["next"][0].startswith("AGENT_SECRET=whsec_")
    with (empty_shell.folder / "turngate.toml").open("a", encoding="utf-8") as settings:
        settings.writelines(start["settings"] for start in made.values())
    tried = await empty_shell.runs("agents", "try", "weather", "hello there", "--json")
    assert tried.json["text"] == "hello there "
    assert await passes_tests(empty_shell)


async def test_nothing_is_overwritten(empty_shell: Shell) -> None:
    """If one of the files is there, none is written."""
    (empty_shell.folder / "test_weather_agent.py").write_text("mine")
    ran = await empty_shell.runs("agents", "new", "weather")
    assert ran.code == 1
    assert "test_weather_agent.py is there already" in ran.err
    assert [file.name for file in empty_shell.folder.iterdir()] == ["test_weather_agent.py"]
    assert (empty_shell.folder / "test_weather_agent.py").read_text() == "mine"


async def passes_tests(shell: Shell) -> bool:
    """Whether pytest passes in that folder, with some tests."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider"),
        cwd=shell.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return " passed" in output.decode()
