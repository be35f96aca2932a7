"""The console in a browser: messages survive, and one list holds the sessions of all channels."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Route, expect
from pydantic import SecretStr

from channels.telegram.settings import Telegram
from gateway.agents.python.settings import PythonAgentSettings
from tests.acceptance.commands import sign_in_link
from tests.browser.console import Console
from tests.browser.windows import CLOSED_DOOR, Screen, Windows
from tests.fakes.bot_api import FakeBotApi
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HALTING = PythonAgentSettings(kind="python", target="tests.integration.agents.halting:halting")
SCHOLAR = PythonAgentSettings(kind="python", target="tests.ai_sdk.agents:scholar")
SLOW = {"assistant": PythonAgentSettings(kind="python", target="tests.browser.agents:slow")}


async def test_a_link_from_the_command_line_signs_in_once(world: World, windows: Windows) -> None:
    """The code disappears from the address at once, and does not work a second time."""
    process = await world.process()
    address = await sign_in_link(world)
    assert address.startswith(process.url)
    console = Console(await windows.open(address))
    await console.is_in()
    assert "code" not in console.page.url
    windows.expect("401")
    second = await windows.open(address)
    await expect(second.get_by_role("alert")).to_contain_text("used before")
    assert "code" not in second.url


async def test_a_chat_survives_a_refresh(world: World, windows: Windows) -> None:
    """AC-8, S-5: the answer streams in; after a refresh, both messages come from the server, once."""
    gateway = await world.gateway(agents=SLOW)
    console = await windows.console(world, gateway.url)
    await console.says("keep this")
    await expect(console.stop).to_be_visible()
    await expect(console.answers).to_contain_text("One word")
    assert "that is all" not in await console.answers.inner_text()
    await console.hears("keep this and that is all")
    await console.page.reload()
    await console.shows("keep this")
    await console.hears("keep this and that is all")
    await console.lists("keep this")
    assert await console.page.title() == "keep this · Turngate"


async def test_a_refresh_during_an_answer_shows_its_beginning(world: World, windows: Windows, tmp_path: Path) -> None:
    """The text from before the refresh is shown, and the whole answer appears once."""
    gateway = await world.gateway(agents={"assistant": HALTING})
    console = await windows.console(world, gateway.url)
    await console.says(str(tmp_path / "go-on"))
    await expect(console.answers).to_contain_text("The first half,")
    await console.page.reload()
    await expect(console.answers).to_contain_text("The first half,")
    (tmp_path / "go-on").touch()
    await console.hears("The first half, and the second.")
    await expect(console.answers).to_have_count(1)


async def test_an_answer_shows_more_than_text(world: World, windows: Windows, tmp_path: Path) -> None:
    """What the agent does, its reasoning, folded, and links to pages and files; the same after a refresh."""
    gateway = await world.gateway(agents={"assistant": SCHOLAR})
    console = await windows.console(world, gateway.url)
    await console.says(str(tmp_path))
    await expect(console.page.get_by_text("Looking it up…")).to_be_visible()
    (tmp_path / "go").touch()
    for _ in range(2):
        await console.hears("There is a gate.")
        sources = console.page.get_by_role("list", name="Sources and files").get_by_role("link")
        await expect(sources).to_have_text(["Gates", "gate.png"])
        await console.page.get_by_text("Reasoning").click()
        await expect(console.page.get_by_text("A map would help.")).to_be_visible()
        await expect(console.page.get_by_text("asked for a person")).to_be_visible()
        await console.page.reload()


async def test_every_channel_is_in_one_list(world: World, windows: Windows, bot: FakeBotApi) -> None:
    """AC-4, AC-9: Telegram's and a schedule's sessions appear without a reload, filtered by channel, and open."""
    telegram = Telegram(token=SecretStr("42:secret"), api_url=bot.url, access="allowlist", allow=("7=owner",))
    gateway = await world.gateway(telegram=telegram)
    console = await windows.console(world, gateway.url)
    await console.lists()
    await console.page.evaluate("window.stayed = true")
    bot.says(7, "from my phone")
    await console.lists("from my phone")
    owner = await world.person("owner", gateway.url)
    await owner.schedules_soon(name="Morning report", prompt="what is new?")
    await console.lists("Morning report", "from my phone")

    await console.filters("Telegram")
    await console.lists("from my phone")
    await console.selects("from my phone")
    await console.shows("from my phone")
    await console.hears("You said: “from my phone”")
    await console.filters("Scheduled")
    await console.lists("Morning report")
    await console.selects("Morning report")
    await console.shows("what is new?")
    await console.filters("Web")
    await console.lists()
    await console.filters("All")
    await console.lists("Morning report", "from my phone")
    assert await console.page.evaluate("window.stayed")


async def test_a_message_from_telegram_appears_in_the_open_session(
    world: World, windows: Windows, bot: FakeBotApi
) -> None:
    """AC-9: messages from Telegram appear as they arrive, and an answer from the console arrives there."""
    telegram = Telegram(token=SecretStr("42:secret"), api_url=bot.url, access="allowlist", allow=("7=owner",))
    gateway = await world.gateway(telegram=telegram)
    console = await windows.console(world, gateway.url)
    bot.says(7, "first")
    await bot.hears(7)
    await console.selects("first")
    bot.says(7, "second")
    await bot.hears(7)
    await console.hears("You said: “second”")
    await console.asks("third, from the web", "You said: “third, from the web”")
    [copy] = await bot.hears(7)
    assert "third, from the web" in copy.text


async def test_messages_sent_while_the_history_loads_are_shown(world: World, windows: Windows, bot: FakeBotApi) -> None:
    """AC-8: a history that was read before the socket opened and arrives after it leaves no gap."""
    telegram = Telegram(token=SecretStr("42:secret"), api_url=bot.url, access="allowlist", allow=("7=owner",))
    gateway = await world.gateway(telegram=telegram)
    console = await windows.console(world, gateway.url)
    bot.says(7, "first")
    await bot.hears(7)

    async def late(route: Route) -> None:
        response = await route.fetch()
        bot.says(7, "second")
        await bot.hears(7)
        await route.fulfill(response=response)

    await console.page.route("**/messages?*", late, times=1)
    await console.selects("first")
    await console.hears("You said: “first”")
    await console.hears("You said: “second”")


async def test_a_page_reconnects_to_a_restarted_gateway(world: World, windows: Windows, free_port: int) -> None:
    """The page says that it reconnects and still accepts messages; those sent meanwhile arrive once."""
    windows.expect(CLOSED_DOOR)
    process = await world.process(TURNGATE_PORT=str(free_port))
    console = await windows.console(world, process.url)
    await console.asks("before", "You said: “before”")
    await process.dies()
    await expect(console.bar).to_contain_text("Reconnecting")
    await console.says("meanwhile")
    await expect(console.page.get_by_text("Not sent yet")).to_be_visible()
    await console.composer.fill("not finished")
    await world.process(TURNGATE_PORT=str(free_port))
    await console.hears("You said: “meanwhile”")
    await expect(console.bar).to_have_count(0)
    await expect(console.composer).to_have_value("not finished")
    await console.shows("meanwhile")
    rows = await world.rows("SELECT content FROM chat_messages WHERE role = 'user' ORDER BY seq")
    assert [row["content"] for row in rows] == ["before", "meanwhile"]


async def test_unsent_messages_survive_a_refresh(world: World, windows: Windows, free_port: int) -> None:
    """Messages sent while the gateway is down are sent once page and gateway are back."""
    windows.expect(CLOSED_DOOR)
    process = await world.process(TURNGATE_PORT=str(free_port))
    console = await windows.console(world, process.url)
    await console.asks("before", "You said: “before”")
    await process.dies()
    await expect(console.bar).to_be_visible()
    await console.says("meanwhile")
    await expect(console.page.get_by_text("Not sent yet")).to_be_visible()
    await world.process(TURNGATE_PORT=str(free_port))
    await console.page.reload()
    await console.hears("You said: “meanwhile”")
    rows = await world.rows("SELECT content FROM chat_messages WHERE role = 'user' ORDER BY seq")
    assert [row["content"] for row in rows] == ["before", "meanwhile"]


async def test_an_answer_can_be_stopped(world: World, windows: Windows) -> None:
    """Its text so far stays, marked as stopped, and the conversation can continue."""
    gateway = await world.gateway()
    console = await windows.console(world, gateway.url)
    await console.says("count to 400 slowly")
    await expect(console.answers).to_contain_text("1, 2, 3")
    await console.stop.click()
    await expect(console.answers).to_contain_text("Stopped")
    assert "400." not in await console.answers.inner_text()
    await console.asks("go on", "You said: “go on”")


async def test_a_phone_shows_one_pane_at_a_time(world: World, windows: Windows) -> None:
    """The list, then the conversation; the button and the browser's back button lead back."""
    gateway = await world.gateway()
    console = await windows.console(world, gateway.url, Screen(390, 844))
    await expect(console.composer).to_be_hidden()
    await console.page.get_by_role("button", name="New chat").first.click()
    await expect(console.search).to_be_hidden()
    await console.asks("on the road", "You said: “on the road”")
    await console.page.get_by_role("link", name="Back to the sessions").click()
    await console.lists("on the road")
    await console.selects("on the road")
    await expect(console.search).to_be_hidden()
    await console.page.go_back()
    await expect(console.search).to_be_visible()
