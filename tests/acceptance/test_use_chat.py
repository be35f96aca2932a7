"""AI SDK's own chat (npm `ai` and `@ai-sdk/react`, the real packages), in Node, with a gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.ai_sdk import VERSIONS, Page, Sdk, answer_of, running_sdk, text_of
from tests.ai_sdk.agents import ANSWER, BEGUN
from tests.conftest import UNHURRIED, own_gateway
from tests.world import Person, World, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

AGENTS = ("teller", "stumbling", "wavering", "sorry", "plain", "scholar")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=VERSIONS, ids="ai-{}".format)
async def sdk(request: pytest.FixtureRequest) -> AsyncIterator[Sdk]:
    """Each installed version."""
    async with running_sdk(request.param) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """Its agents are those of `tests.ai_sdk.agents`."""
    agents = {name: {"kind": "python", "target": f"tests.ai_sdk.agents:{name}"} for name in AGENTS}
    return await shared_world.gateway(
        agents=agents, default_agent="plain", turns={"max_attempts": 2}, replica=UNHURRIED
    )


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user whom the gateway has never seen."""
    return await shared_world.newcomer(gateway.url)


async def rows_of(mia: Person, page: Page) -> list[dict[str, Any]]:
    """The transcript of the page's conversation, as a page loads it."""
    session_id = (await page.shows())["messages"][-1]["metadata"]["session_id"]
    rows: list[dict[str, Any]] = (await mia.gets(f"/api/chat/sessions/{session_id}/messages"))["messages"]
    return [row for row in rows if not row["deleted"]]


def kinds(message: dict[str, Any]) -> list[str]:
    return [part["type"] for part in answer_of(message)]


async def test_a_chat_streams_text_tools_and_data(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """S-5, M-6: both while the answer is written and when it is complete."""
    page = await sdk.opens(mia, "c1", agent="teller")
    await page.sends(str(tmp_path))
    shown = await page.shows_text(BEGUN)
    assert shown["status"] == "streaming"
    assert kinds(shown["messages"][1]) == ["tool-look", "text"]
    (tmp_path / "go").touch()
    shown = await page.settles()
    assert (shown["status"], shown["error"], text_of(shown["messages"][1])) == ("ready", None, ANSWER)
    assert answer_of(shown["messages"][1])[0]["output"] == "a gate"
    assert shown["heard"][-1]["data"]["status"] == "completed"


async def test_everything_an_agent_yields_is_shown(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """Reasoning, tools, pages, files and data: as the SDK builds the message, and as the transcript has it."""
    page = await sdk.opens(mia, "c7", agent="scholar")
    await page.sends(str(tmp_path))

    async def says_what_it_does() -> bool:
        return "Looking it up\u2026" in [part["data"].get("text") for part in (await page.shows())["heard"]]

    await eventually(says_what_it_does)
    (tmp_path / "go").touch()
    shown = await page.settles()
    assert shown["error"] is None
    assert kinds(shown["messages"][1]) == [
        *("reasoning", "tool-look", "text", "source-url", "file", "data-chart", "data-handoff")
    ]
    parts = {part["type"]: part for part in answer_of(shown["messages"][1])}
    assert (parts["reasoning"]["text"], parts["text"]["text"]) == ("A map would help.", "There is a gate.")
    assert (parts["tool-look"]["input"], parts["tool-look"]["output"]) == ({"at": "map"}, "a gate")
    assert parts["data-chart"]["data"] == {"gates": 2}
    recorded = (await rows_of(mia, page))[-1]
    assert [part["type"] for part in recorded["parts"]] == kinds(shown["messages"][1])
    assert recorded["content"] == "There is a gate."


async def test_a_refresh_during_an_answer_shows_it_once(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """AC-8: a new page loads the rows, resumes, and ends with the same content as the first page."""
    page = await sdk.opens(mia, "c1", agent="teller")
    await page.sends(str(tmp_path))
    await page.shows_text(BEGUN)
    fresh = await sdk.opens(mia, "c1", await rows_of(mia, page))
    await fresh.resumes()
    await fresh.shows_text(BEGUN)
    (tmp_path / "go").touch()
    shown, first = await fresh.settles(), await page.settles()
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant"]
    assert answer_of(shown["messages"][1]) == answer_of(first["messages"][1])
    assert text_of(shown["messages"][1]) == ANSWER


@pytest.mark.parametrize("ending", ["stops", "loses_the_network"])
async def test_resuming_on_the_same_page_shows_the_answer_once(
    mia: Person, sdk: Sdk, tmp_path: Path, ending: str
) -> None:
    """After `stop()` and after a broken connection, `resumeStream()` replaces the message in its place."""
    page = await sdk.opens(mia, "c1", agent="teller")
    await page.sends(str(tmp_path))
    await page.shows_text(BEGUN)
    await getattr(page, ending)()
    await page.settles()
    await page.resumes()
    await page.shows_text(BEGUN)
    (tmp_path / "go").touch()
    shown = await page.settles()
    assert [text_of(message) for message in shown["messages"]] == [str(tmp_path), ANSWER]
    assert shown["status"] == "ready"


async def test_the_hooks_own_chat_shows_the_answer_once_after_a_broken_connection(
    mia: Person, sdk: Sdk, tmp_path: Path
) -> None:
    """It keeps what it had and appends what it receives again: the last step is the answer."""
    page = await sdk.opens(mia, "c1", hook=True, agent="teller")
    await page.sends(str(tmp_path))
    await page.shows_text(BEGUN)
    await page.loses_the_network()
    assert (await page.settles())["finished"][0]["isDisconnect"]
    await page.resumes()
    (tmp_path / "go").touch()
    shown = await page.settles()
    assert len(shown["messages"]) == 2
    assert kinds(shown["messages"][1]) == ["tool-look", "text"]
    assert answer_of(shown["messages"][1])[1]["text"] == ANSWER


@own_gateway
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_page_resumes_a_turn_of_a_dead_gateway(world: World, version: int) -> None:
    """Promise 1: another process continues the turn, and the page shows its answer once."""
    first = await world.process("first")
    mia = await world.person("mia", first.url)
    async with running_sdk(version) as sdk:
        page = await sdk.opens(mia, "c1")
        await page.sends("Count to 20, slowly")
        await page.shows_text("1")
        await first.dies()
        assert (await page.settles())["status"] == "error"
        second = await world.process("second")
        began = (await page.shows())["messages"][:1]
        fresh = await sdk.opens(Person("mia", mia.token, second.url, mia.http), "c1", began)
        await fresh.resumes()
        shown = await fresh.settles()
    text = text_of(shown["messages"][1])
    assert (len(shown["messages"]), text.count("19"), text.count("20")) == (2, 1, 1)


async def test_resuming_with_nothing_under_way_changes_nothing(mia: Person, sdk: Sdk) -> None:
    """204 before the first message and after an answer."""
    page = await sdk.opens(mia, "c1")
    await page.resumes()
    assert (await page.settles())["messages"] == []
    await page.sends("Hello")
    shown = await page.settles()
    await page.resumes()
    assert (await page.settles())["messages"] == shown["messages"]


async def test_a_repeated_attempt_is_invisible(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """The text continues where it broke off."""
    page = await sdk.opens(mia, "c1", agent="stumbling")
    await page.sends(str(tmp_path))
    await page.shows_text(BEGUN)
    for name in ("fail", "go"):
        (tmp_path / name).touch()
    message = (await page.settles())["messages"][1]
    assert [part["text"] for part in message["parts"] if part["type"] == "text"] == [ANSWER]


async def test_the_last_step_is_the_answer_after_several_attempts(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """Both live and for a page that loads later."""
    page = await sdk.opens(mia, "c1", agent="wavering")
    await page.sends(str(tmp_path))
    await page.shows_text("night")
    for name in ("fail", "go"):
        (tmp_path / name).touch()
    message = (await page.settles())["messages"][1]
    assert [part["text"] for part in answer_of(message)] == [ANSWER]
    assert [part["text"] for part in answer_of((await rows_of(mia, page))[1])] == [ANSWER]


async def test_rows_come_out_of_the_sdk_as_they_went_in(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """AC-8, M-6: `validateUIMessages` accepts them, and a page shows the parts unchanged."""
    page = await sdk.opens(mia, "c1", agent="teller")
    (tmp_path / "go").touch()
    await page.sends(str(tmp_path))
    await page.settles()
    rows = await rows_of(mia, page)
    validated = await sdk.validates(rows)
    fresh = await sdk.opens(mia, "c1", rows)
    for found in (validated, (await fresh.shows())["messages"]):
        assert [(row["id"], row["role"], row["parts"]) for row in found] == [
            (row["id"], row["role"], row["parts"]) for row in rows
        ]


async def test_a_conversation_continues_after_a_refresh(mia: Person, sdk: Sdk) -> None:
    """The rows are the earlier messages; only the new one is sent."""
    page = await sdk.opens(mia, "c1")
    await page.sends("one")
    await page.settles()
    fresh = await sdk.opens(mia, "c1", await rows_of(mia, page))
    await fresh.sends("two")
    shown = await fresh.settles()
    assert [text_of(message) for message in shown["messages"]] == ["one", "1. one", "two", "2. two"]
    assert len(await rows_of(mia, fresh)) == 4


async def test_regenerating_replaces_the_last_answer(mia: Person, sdk: Sdk) -> None:
    """On the page where it was streamed, and after a refresh, where its id is the row's."""
    page = await sdk.opens(mia, "c1")
    await page.sends("Hello")
    first = (await page.settles())["messages"][1]
    await page.regenerates(first["id"])
    shown = await page.settles()
    assert [text_of(message) for message in shown["messages"]] == ["Hello", "1. Hello"]
    assert shown["messages"][1]["id"] != first["id"]
    rows = await rows_of(mia, page)
    fresh = await sdk.opens(mia, "c1", rows)
    await fresh.regenerates(rows[1]["id"])
    assert (await fresh.settles())["error"] is None
    assert len(await rows_of(mia, fresh)) == 2


async def test_a_message_is_edited_in_its_place(mia: Person, sdk: Sdk) -> None:
    """`sendMessage` with `messageId`, before and after a refresh."""
    page = await sdk.opens(mia, "c1")
    await page.sends("Hello")
    shown = await page.settles()
    await page.sends("Good morning", messageId=shown["messages"][0]["id"])
    await page.settles()
    rows = await rows_of(mia, page)
    fresh = await sdk.opens(mia, "c1", rows)
    await fresh.sends("Good evening", messageId=rows[0]["id"])
    shown = await fresh.settles()
    assert [text_of(message) for message in shown["messages"]] == ["Good evening", "1. Good evening"]
    assert [row["content"] for row in await rows_of(mia, fresh)] == ["Good evening", "1. Good evening"]


async def test_an_apology_and_a_refusal_are_shown(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """A failed turn is an answer; a refused request is an error that says why."""
    page = await sdk.opens(mia, "c1", agent="sorry")
    (tmp_path / "fail").touch()
    await page.sends(str(tmp_path))
    message = (await page.settles())["messages"][1]
    assert answer_of(message)[-1]["text"].startswith("Sorry")
    assert message["metadata"]["status"] == "failed"
    stranger = await sdk.opens(Person("tom", "tg_wrong", mia.url, mia.http), "c1")
    await stranger.sends("Hello")
    shown = await stranger.settles()
    assert (shown["status"], json.loads(shown["error"])["status"]) == ("error", 401)


async def test_a_chat_command_is_shown_and_leaves_no_row(mia: Person, sdk: Sdk) -> None:
    """As text, and passed to `onData`."""
    page = await sdk.opens(mia, "c1")
    await page.sends("/help")
    shown = await page.settles()
    assert "/stop" in text_of(shown["messages"][1])
    assert [part["type"] for part in shown["heard"]] == ["data-notice"]
    assert await rows_of(mia, page) == []


async def test_several_chats_at_once_do_not_mix(mia: Person, sdk: Sdk) -> None:
    """M-2: each page receives only its own answers."""
    pages = [await sdk.opens(mia, f"c{number}") for number in range(12)]
    for number, page in enumerate(pages):
        await page.sends(f"I am {number}")
    shown = await asyncio.gather(*(page.settles() for page in pages))
    assert [text_of(page["messages"][1]) for page in shown] == [f"1. I am {number}" for number in range(12)]


async def test_every_chunk_is_one_of_the_sdks(mia: Person, sdk: Sdk, tmp_path: Path) -> None:
    """Chunks of an answer, a cancelled one and a notice are checked against `uiMessageChunkSchema`."""
    session = (await mia.posts("/api/chat/sessions", 201, agent_name="teller"))["session_id"]
    path = f"{mia.url}/api/chat/sessions/{session}/messages"
    headers = {"Authorization": f"Bearer {mia.token}", "Accept": "text/event-stream"}
    async with mia.http.post(path, json={"text": str(tmp_path)}, headers=headers) as response:
        turn_id = json.loads((await response.content.readline()).removeprefix(b"data: "))["messageId"]
        await mia.posts(f"/api/turns/{turn_id}/cancel", 202)
        cancelled = await response.text()
    (tmp_path / "go").touch()
    for text in (str(tmp_path), "/help"):
        async with mia.http.post(path, json={"text": text}, headers=headers) as response:
            assert (await sdk.parses(await response.text()))[-1]["type"] == "finish"
    assert {"abort", "finish"} <= {chunk["type"] for chunk in await sdk.parses(cancelled)}
