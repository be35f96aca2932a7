"""Titles that stay: an agent's good title, and which characters of a given title a list may show."""

from __future__ import annotations

import asyncio

import pytest

from gateway.agents.python.settings import PythonAgentSettings
from gateway.app.running.serve import Running
from gateway.core.titles.titling import AT_ONCE
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"
HERE = "tests.integration.sessions.odd_titling"
ODD = "  Holi\u202eday\n\tplans\x07 \u2067for\u2069 two\u0085\u2028now \U0001f468\u200d\U0001f469\u200d\U0001f467 "
PLAIN = "Holiday plans for two now \U0001f468\u200d\U0001f469\u200d\U0001f467"


async def gateway_with(world: World, target: str) -> Running:
    """A gateway whose agent is one of `odd_titling`."""
    return await world.gateway(agents={"assistant": PythonAgentSettings(kind="python", target=f"{HERE}:{target}")})


async def says(mia: Person, text: str) -> str:
    """The session of a message."""
    session = str((await mia.posts(SESSIONS, 201))["session_id"])
    await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return session


async def test_an_agent_that_fails_keeps_its_good_title(world: World) -> None:
    """M-5: the first words are only for conversations without an agent's title."""
    mia = await world.person("mia", (await gateway_with(world, "Forgetful")).url)
    session = await says(mia, "hello there")

    async def named() -> bool:
        return (await mia.gets(f"{SESSIONS}/{session}"))["title"] == "A good title"  # type: ignore[no-any-return] # JSON

    await eventually(named)
    assert (await mia.posts(f"{SESSIONS}/{session}/title", 200))["title"] == "A good title"


async def test_requested_titles_are_generated_a_few_at_a_time(world: World) -> None:
    """The same limit holds for automatic titles."""
    gateway = await gateway_with(world, "Counting")
    mia = await world.person("mia", gateway.url)
    sessions = await asyncio.gather(*(says(mia, f"hello {number}") for number in range(AT_ONCE + 8)))
    answers = await asyncio.gather(*(mia.posts(f"{SESSIONS}/{session}/title", 200) for session in sessions))
    assert max(int(answer["title"].rpartition(" ")[2]) for answer in answers) <= AT_ONCE


async def test_a_given_title_is_one_line(world: World) -> None:
    """White space becomes one space; control and direction characters are dropped, emoji stay whole."""
    mia = await world.person("mia", (await world.gateway()).url)
    made = await mia.posts(SESSIONS, 201, title=ODD)
    path = f"{SESSIONS}/{made['session_id']}"
    assert made["title"] == PLAIN
    assert (await mia.calls("PATCH", path, json={"title": f"1 {ODD}"}))[1]["title"] == f"1 {PLAIN}"
    await mia.posts(f"{path}/messages", 200, text="hello")
    assert (await mia.posts(f"{path}/fork", 201, title=ODD))["title"] == PLAIN
    notice = (await mia.posts(f"{path}/messages", 200, text=f"/title {ODD}"))["notice"]
    assert notice == f"This conversation is now called “{PLAIN}”."
    assert (await mia.gets(path))["title"] == PLAIN


async def test_a_schedules_name_is_one_line(world: World) -> None:
    """It is the title of each run."""
    mia = await world.person("mia", (await world.gateway()).url)
    daily = {"prompt": "hello", "trigger": {"type": "cron", "expression": "0 8 * * *"}}
    made = await mia.posts("/api/schedules", 201, name=ODD, **daily)
    assert made["name"] == PLAIN
    changed = (await mia.calls("PATCH", f"/api/schedules/{made['id']}", json={"name": f"1 {ODD}"}))[1]
    assert changed["name"] == f"1 {PLAIN}"


@pytest.mark.parametrize("title", ["\u202e", " \n\u2066\u2069\x07 "])
async def test_a_title_without_visible_characters_is_refused(world: World, title: str) -> None:
    """400, and a notice."""
    mia = await world.person("mia", (await world.gateway()).url)
    session = await says(mia, "hello")
    assert (await mia.calls("PATCH", f"{SESSIONS}/{session}", json={"title": title}))[0] == 400
    notice = (await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=f"/title {title}"))["notice"]
    assert notice.startswith("Put the title after the command")
