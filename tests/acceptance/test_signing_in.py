"""How operators sign in: on a terminal with the printed link, elsewhere with `turngate sign-in`."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.commands import environment, sign_in_link, turngate
from tests.world import ROOT, World, eventually

pytestmark = pytest.mark.acceptance


async def signs_in(link: str) -> tuple[str, str]:
    """The user whom the link signs in, and their role."""
    url, _, code = link.partition("/?code=")
    async with aiohttp.ClientSession() as http, http.post(f"{url}/api/sign-in", json={"code": code}) as response:
        assert response.status == 200, await response.text()
        signed_in = await response.json()
    return signed_in["user_id"], signed_in["role"]


async def test_a_link_signs_the_owner_in(world: World) -> None:
    """It contains the running gateway's address, whichever port it has."""
    process = await world.process()
    link = await sign_in_link(world)
    assert link.startswith(f"{process.url}/?code=")
    assert await signs_in(link) == ("owner", "operator")


async def test_a_configured_port_chooses_among_gateways(world: World) -> None:
    """Of those that share a data dir, the one on that port; any of them if none listens there."""
    processes = [await world.process(), await world.process()]
    for process in processes:
        out, _ = await turngate(world, "sign-in", TURNGATE_PORT=process.url.rpartition(":")[2])
        assert out.startswith(f"{process.url}/?code=")
    out, _ = await turngate(world, "sign-in", TURNGATE_PORT="1")
    assert out.partition("/?code=")[0] in {process.url for process in processes}


async def test_a_link_for_another_user(world: World) -> None:
    """A user by default; without a gateway, the address comes from the settings, and the command says so."""
    out, err = await turngate(world, "sign-in", "--user", "mia", "--json")
    told = json.loads(out)
    assert (told["user"], told["role"]) == ("mia", "user")
    assert told["url"].startswith("http://127.0.0.1:8080/?code=")
    out, err = await turngate(world, "sign-in")
    assert "No gateway is running" in err


async def starts(world: World, stdout: int) -> asyncio.subprocess.Process:
    """A gateway whose standard output goes to that file."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", "serve", "--port", "0"),
        cwd=ROOT,
        env=environment(world),
        stdout=stdout,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def test_a_terminal_is_given_a_code(world: World) -> None:
    """In the link that is printed at the start."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    printed = ""

    async def link() -> re.Match[str] | None:
        nonlocal printed
        try:
            printed += os.read(ours, 4096).decode()
        except BlockingIOError:
            return None
        return re.search(r"http\S+\?code=[\w-]+", printed)

    process = await starts(world, theirs)
    try:
        assert await signs_in((await eventually(link))[0]) == ("owner", "operator")
    finally:
        process.kill()
        await process.wait()
        os.close(theirs)
        os.close(ours)


async def test_a_log_is_given_no_code(world: World, tmp_path: Path) -> None:
    """A log is kept and read by many; it names the command that creates a link."""
    log = tmp_path / "output"
    with log.open("wb") as sink:
        process = await starts(world, sink.fileno())

    async def welcomed() -> str:
        return log.read_text()

    try:
        said = await eventually(welcomed)
    finally:
        process.kill()
        await process.wait()
    assert "turngate sign-in --data-dir" in said
    assert "code=" not in said
    assert await world.rows("SELECT 1 FROM sign_in_codes") == []
