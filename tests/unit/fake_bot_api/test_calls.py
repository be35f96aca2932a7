"""Authentication, and the forms of arguments."""

import aiohttp
import pytest
from telegram import Bot
from telegram.error import BadRequest, InvalidToken

from tests.fakes.bot_api import FakeBotApi
from tests.unit.fake_bot_api.driver import ADA, TOKEN, polled


async def test_bot_id_is_in_the_token(bot: Bot) -> None:
    """The id from getMe is the first part of the token."""
    assert (await bot.get_me()).id == 777


async def test_unknown_token_is_refused() -> None:
    """With tokens given, any other is 401."""
    async with FakeBotApi(tokens=[TOKEN]) as fake:
        with pytest.raises(InvalidToken):
            async with Bot("1:other", base_url=f"{fake.url}/bot"):
                pass


async def test_malformed_token_is_refused(http: aiohttp.ClientSession) -> None:
    """A token is digits, a colon and a secret."""
    async with http.get("/botnonsense/getMe") as response:
        assert (response.status, (await response.json())["error_code"]) == (401, 401)


async def test_unknown_method_is_not_found(http: aiohttp.ClientSession) -> None:
    """A method that the server doesn't have is 404, in the server's words."""
    async with http.get(f"/bot{TOKEN}/makeCoffee") as response:
        assert await response.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_bots_have_separate_worlds(fake: FakeBotApi, bot: Bot) -> None:
    """A chat of one bot is unknown to another."""
    fake.says(ADA, "hi")
    async with Bot("888:other", base_url=f"{fake.url}/bot") as other:
        with pytest.raises(BadRequest, match="Chat not found"):
            await other.send_message(ADA, "hello")
        assert await polled(other) == []


async def test_injected_before_the_first_call_reaches_the_first_bot() -> None:
    """Messages sent before any bot has called wait for the first one."""
    async with FakeBotApi() as fake:
        said = fake.says(ADA, "early")
        async with Bot(TOKEN, base_url=f"{fake.url}/bot") as bot:
            assert await polled(bot) == [said.update_id]


@pytest.mark.parametrize("way", ["query", "form", "multipart", "json"])
async def test_any_encoding_will_do(fake: FakeBotApi, http: aiohttp.ClientSession, way: str) -> None:
    """Arguments may come as query, form, multipart or JSON; method names in any case."""
    fake.says(ADA, "hi")
    arguments = {"chat_id": str(ADA), "text": "hello"}
    path = f"/bot{TOKEN}/sendmessage"
    if way == "query":
        response = await http.get(path, params=arguments)
    elif way == "json":
        response = await http.post(path, json=arguments | {"entities": []})
    else:
        form = aiohttp.FormData(arguments, default_to_multipart=way == "multipart")
        response = await http.post(path, data=form)
    assert (await response.json())["result"]["text"] == "hello"


async def test_broken_json_body_is_refused(http: aiohttp.ClientSession) -> None:
    """A JSON body must be an object."""
    headers = {"Content-Type": "application/json"}
    async with http.post(f"/bot{TOKEN}/sendMessage", data=b"{", headers=headers) as response:
        assert response.status == 400
