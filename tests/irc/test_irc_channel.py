"""A channel from outside the package: installed as anybody would, against a real IRC server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.debian import REMEDY, ensure_program
from tests.irc.install import EXAMPLE, install
from tests.world import ROOT, Person, Process, World, eventually

sys.path.append(str(EXAMPLE / "tests"))

from irc_world import Ngircd, Somebody, irc_server

SESSIONS = "/api/chat/sessions"


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python that the example is installed for."""
    assert ensure_program("ngircd") is not None, REMEDY.format(name="ngircd")
    folder = ROOT / "build" / "irc"
    return folder / "bin" / "python" if any(folder.glob(".installed-*")) else install(folder)


@pytest.fixture
async def server(python: Path, tmp_path: Path) -> AsyncIterator[Ngircd]:
    """A running ngircd."""
    async with irc_server(tmp_path) as running:
        yield running


@pytest.fixture
async def ann(server: Ngircd) -> AsyncIterator[Somebody]:
    """Somebody on it."""
    somebody = Somebody("ann", server.port)
    await somebody.joins()
    yield somebody
    await somebody.close()


async def gateway(world: World, python: Path, server: Ngircd) -> Process:
    """A gateway whose bot is on the server."""
    variables = {
        "TURNGATE_CHANNELS__IRC__SERVER": "127.0.0.1",
        "TURNGATE_CHANNELS__IRC__PORT": str(server.port),
        "TURNGATE_CHANNELS__IRC__ANSWER_S": "5",
    }
    process = await world.process_under((), "gateway", variables, str(python))
    http = await world.http()

    async def is_ready() -> bool:
        async with http.get(f"{process.url}/readyz") as answer:
            return answer.status == 200

    await eventually(is_ready)
    return process


async def hears(somebody: Somebody, text: str) -> None:
    """Returns once a line with that text has reached them."""

    async def heard() -> bool:
        return any(text in line for line in somebody.heard)

    try:
        await eventually(heard)
    except AssertionError:
        raise AssertionError(f"{text!r} is not among {somebody.heard} and {somebody.notices}") from None


async def test_it_passes_the_conformance_suite_as_installed(python: Path, tmp_path: Path) -> None:
    """Its own tests, from a folder where only the installed package is found."""
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", str(EXAMPLE)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def test_a_conversation_survives_a_kill_and_continues_in_the_console(
    world: World, python: Path, server: Ngircd, ann: Somebody
) -> None:
    """Both ways on IRC, with `kill -9` while an answer is being written; and then from elsewhere, in the same session."""
    first = await gateway(world, python, server)
    ann.says("hello from irc")
    await hears(ann, "hello from irc")
    ann.says("wait 3 seconds and count to 3")
    await eventually(lambda: world.rows("SELECT FROM turns WHERE status = 'running'"))
    await first.dies()
    second = await gateway(world, python, server)
    await hears(ann, "3")
    ann.says("what was my last question?")
    await hears(ann, "wait 3 seconds and count to 3")

    operator = await world.person("root", second.url, "operator")
    session = await _only_session(operator)
    assert (session["user_id"], session["channel"]) == ("visitor:irc:ann", "irc")
    await operator.posts(f"{SESSIONS}/{session['session_id']}/messages", 200, id="k1", text="this is the console")
    await hears(ann, "this is the console")
    rows = (await operator.gets(f"{SESSIONS}/{session['session_id']}/messages"))["messages"]
    assert [(row["seq"], row["role"]) for row in rows] == [(n, ("assistant", "user")[n % 2]) for n in range(1, 9)]


async def test_doctor_connects_and_says_what_is_wrong(python: Path, server: Ngircd, world: World) -> None:
    """A server that can't be reached is named, with the remedy."""
    assert "irc connect" in await _doctor(world, python, server.port)
    await server.stop()
    assert f"The IRC server 127.0.0.1:{server.port} cannot be used" in await _doctor(world, python, server.port)


async def _only_session(operator: Person) -> dict[str, Any]:
    (session,) = (await operator.gets(f"{SESSIONS}?channel=irc"))["sessions"]
    found: dict[str, Any] = session
    return found


async def _doctor(world: World, python: Path, port: int) -> str:
    variables = {
        "TURNGATE_DATABASE_URL": world.database_url,
        "TURNGATE_DATA_DIR": str(world.folder / "doctor"),
        "TURNGATE_CHANNELS__IRC__SERVER": "127.0.0.1",
        "TURNGATE_CHANNELS__IRC__PORT": str(port),
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [str(python), "-m", "gateway.cli", "doctor", "--json"],
        cwd=ROOT,
        env={**os.environ, **variables},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout
