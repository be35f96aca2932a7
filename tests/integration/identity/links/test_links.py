"""Account linking: one code, ten minutes, single use; whoever is linked is that user, and nothing is moved."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bench import counts
from channels.telegram.name import TELEGRAM
from gateway.app.running.serve import Running
from gateway.core.ports.users.links import Person
from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram.driver import ADA, BOB, TEAM
from tests.integration.telegram.linking import a_code, settings, told
from tests.world import World, eventually

LOOK_UPS = """
    SELECT sum(calls) FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid
    WHERE d.datname = current_database() AND s.toplevel AND s.query LIKE '%user_id FROM links WHERE channel%'
"""
WHO = "SELECT user_id, channel FROM chat_sessions ORDER BY created_at"
UUID = "00000000-0000-4000-8000-000000000000"


async def notice(person: Any, text: str) -> str:
    """What a command answers in the web chat."""
    socket = await person.connects()
    await socket.says(type="send", id=text[:20], text=text)
    answer: str = (await socket.hears("notice"))["text"]
    await socket.socket.close()
    return answer


async def test_a_deep_link_links_the_person_to_the_user(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """AC-11: from the first message after linking, the person chats as the user, and receives replies."""
    ann = await world.person("ann", gateway.url)
    made = await a_code(ann)
    assert made["url"] == f"https://t.me/test_777_bot?start={made['code']}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{22,64}", made["code"])
    assert "not linked yet" in await told(fake, ADA, "let me in")
    assert "you chat as ann" in await told(fake, ADA, f"/start {made['code']}")
    assert "Hello" in await told(fake, ADA, "hello")
    assert await world.rows(WHO) == [{"user_id": "ann", "channel": "telegram"}]
    [session] = (await ann.gets("/api/chat/sessions"))["sessions"]
    assert session["channel"] == "telegram"


async def test_links_can_be_listed_and_deleted(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """By their user and by an operator, and by nobody else."""
    ann, eve = await world.person("ann", gateway.url), await world.person("eve", gateway.url)
    boss = await world.person("boss", gateway.url, "operator")
    await told(fake, ADA, f"/link {(await a_code(ann))['code']}")
    [link] = (await ann.gets("/api/links"))["links"]
    assert (link["channel"], link["external_id"], link["user_id"]) == ("telegram", str(ADA), "ann")
    assert link["display_name"]
    assert (await eve.gets("/api/links"))["links"] == []
    assert (await boss.gets("/api/links?user=ann"))["links"] == (await boss.gets("/api/links"))["links"] == [link]
    assert (await boss.gets("/api/links?user=eve"))["links"] == []
    foreign = await eve.calls("DELETE", f"/api/links/{link['id']}")
    assert foreign == await eve.calls("DELETE", f"/api/links/{UUID}")
    assert foreign[0] == 404
    assert (await ann.calls("DELETE", f"/api/links/{link['id']}"))[0] == 204
    assert "not linked yet" in await told(fake, ADA, "am I still in?")


async def test_a_code_works_once(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """A used, expired or invented code gets the same text, and starts no session."""
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    await told(fake, ADA, f"/start {code}")
    used = await told(fake, BOB, f"/start {code}")
    made_up = await told(fake, BOB, "/link nonsense")
    late = (await a_code(await world.person("cid", gateway.url)))["code"]
    await world.rows("UPDATE link_codes SET expires_at = now() RETURNING 1")
    assert used == made_up == await told(fake, BOB, f"/start {late}")
    assert await world.rows(WHO) == []


async def test_only_one_of_two_people_who_redeem_a_code_at_the_same_time_is_linked(
    world: World, gateway: Running
) -> None:
    """The database enforces the single use."""
    links = gateway.gateway.engine.links
    made = await a_code(await world.person("ann", gateway.url))
    people = [Person(TELEGRAM, str(number)) for number in range(8)]
    linked = await asyncio.gather(*(links.redeem(made["code"], person) for person in people))
    assert sum(one is not None for one in linked) == 1


async def test_a_code_is_valid_for_ten_minutes_and_stored_nowhere(
    world: World, fake: FakeBotApi, gateway: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    """FACTS §7.7, §7.8: the database holds its SHA-256 only, the log nothing of it."""
    made = await a_code(await world.person("ann", gateway.url))
    [row] = await world.rows("SELECT expires_at - now() AS left, c::text AS whole FROM link_codes AS c")
    assert 590 < row["left"].total_seconds() <= 600
    assert made["code"] not in row["whole"]
    await told(fake, ADA, f"/start {made['code']}")
    said = capfd.readouterr()
    assert made["code"] not in said.out + said.err


async def test_a_linked_person_has_to_unlink_first(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Users are never merged silently; the code remains valid."""
    ann, eve = await world.person("ann", gateway.url), await world.person("eve", gateway.url)
    await told(fake, ADA, f"/start {(await a_code(ann))['code']}")
    second = (await a_code(eve))["code"]
    assert "/unlink" in await told(fake, ADA, f"/start {second}")
    assert [link["user_id"] for link in (await ann.gets("/api/links"))["links"]] == ["ann"]
    assert "unlinked" in await told(fake, ADA, "/unlink")
    assert "you chat as eve" in await told(fake, ADA, f"/start {second}")


async def test_a_code_in_a_group_does_not_link(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Others can read it there, so it is voided."""
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    assert "no longer valid" in await told(fake, TEAM, f"/link {code}", from_id=ADA)
    assert "expired" in await told(fake, ADA, f"/link {code}")
    assert await world.rows("SELECT 1 FROM links") == []


async def test_each_person_in_a_group_has_their_own_link(world: World, fake: FakeBotApi) -> None:
    """A link belongs to a person, not to the chat; lists of conversations are not shown in groups."""
    gateway = await world.gateway(telegram=settings(fake, "open"))
    await told(fake, ADA, f"/start {(await a_code(await world.person('ann', gateway.url)))['code']}")
    await told(fake, TEAM, "hello from ada", from_id=ADA)
    await told(fake, TEAM, "hello from bob", from_id=BOB)
    assert [row["user_id"] for row in await world.rows(WHO)] == ["ann", f"telegram:{BOB}"]
    assert "private chat" in await told(fake, TEAM, "/sessions", from_id=ADA)


async def test_linking_moves_no_conversation(world: World, fake: FakeBotApi) -> None:
    """The answer says how many conversations stay with the unlinked user."""
    gateway = await world.gateway(telegram=settings(fake, "open"))
    await told(fake, ADA, "before")
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    assert f"No conversation was moved: one conversation stays with telegram:{ADA}" in await told(
        fake, ADA, f"/start {code}"
    )
    await told(fake, ADA, "after")
    assert [row["user_id"] for row in await world.rows(WHO)] == [f"telegram:{ADA}", "ann"]


async def test_a_code_from_the_bot_works_in_the_web_chat(world: World, fake: FakeBotApi) -> None:
    """With open access, the bot issues the code, and the user who enters it claims the account."""
    gateway = await world.gateway(telegram=settings(fake, "open"))
    ann = await world.person("ann", gateway.url)
    text = await told(fake, ADA, "/link")
    command = next(line for line in text.splitlines() if line.startswith("/link "))
    assert f"telegram:{ADA}" in await notice(ann, command)
    assert "expired" in await notice(ann, command)
    assert "you chat as ann" in await told(fake, ADA, "/link")
    await told(fake, ADA, "hello")
    assert [row["user_id"] for row in await world.rows(WHO)] == ["ann"]


async def test_the_web_chat_can_link_and_unlink(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """The notice contains the code, the deep link and its lifetime; one of several links is chosen by its number."""
    ann = await world.person("ann", gateway.url)
    await a_code(ann)
    for person in (ADA, BOB):
        text = await notice(ann, "/link")
        assert "10 minutes" in text
        found = re.search(r"https://t\.me/\w+\?start=(\S+)", text)
        assert found is not None
        await told(fake, person, f"/start {found[1]}")
    assert "2." in await notice(ann, "/unlink")
    assert f"telegram:{ADA}" in await notice(ann, "/unlink 1")
    assert f"telegram:{BOB}" in await notice(ann, "/unlink")
    assert "No account is linked" in await notice(ann, "/unlink")


async def test_an_unlinked_account_receives_nothing_more(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Answers in conversations that the user continues elsewhere no longer go to that Telegram chat."""
    ann = await world.person("ann", gateway.url)
    await told(fake, ADA, f"/start {(await a_code(ann))['code']}")
    await told(fake, ADA, "hello")
    [session] = (await ann.gets("/api/chat/sessions"))["sessions"]
    path = f"/api/chat/sessions/{session['session_id']}/messages"
    await ann.posts(path, 200, text="heard in both places")
    assert "heard in both" in (await fake.hears(ADA, within=20))[0].text
    await told(fake, ADA, "/unlink")
    await ann.posts(path, 200, text="for ann alone")
    outbox = await world.rows("SELECT content FROM outbox ORDER BY item_id")
    assert len(outbox) == 2
    assert "for ann alone" not in str(outbox)


async def test_a_mapping_takes_precedence_over_links(world: World, fake: FakeBotApi) -> None:
    """The operator's `id=user` decides, and the answer says so."""
    gateway = await world.gateway(telegram=settings(fake, "linked", allow=(f"{ADA}=ada",)))
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    assert "telegram.allow" in await told(fake, ADA, f"/start {code}")
    await told(fake, ADA, "hello")
    assert [row["user_id"] for row in await world.rows(WHO)] == ["ada"]


async def test_a_code_does_not_override_an_allowlist(world: World, fake: FakeBotApi) -> None:
    """Only people on the list may chat, with or without a code."""
    gateway = await world.gateway(telegram=settings(fake, "allowlist", allow=(str(ADA),)))
    ann = await world.person("ann", gateway.url)
    assert "invited" in await told(fake, BOB, f"/start {(await a_code(ann))['code']}")
    assert "you chat as ann" in await told(fake, ADA, f"/start {(await a_code(ann))['code']}")


async def test_guessing_codes_is_rate_limited(world: World, gateway: Running) -> None:
    """Per person who guesses."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    answers = []
    for number in range(12):
        await socket.says(type="send", id=f"g{number}", text=f"/link guess{number}")
        answers.append((await socket.hears("notice"))["text"])
    assert "Too many requests" in answers[-1]


async def test_linking_without_the_channel_is_a_conflict(world: World) -> None:
    """409 that names the setting; visitors have no account to link to."""
    gateway = await world.gateway(web={"anonymous": True, "allowed_origins": ("https://shop.example",)})
    ann = await world.person("ann", gateway.url)
    status, problem = await ann.calls("POST", "/api/links/telegram")
    assert status == 409
    assert "TURNGATE_TELEGRAM__TOKEN" in problem["detail"]
    assert "TURNGATE_TELEGRAM__TOKEN" in await notice(ann, "/link")
    origin = {"Origin": "https://shop.example"}
    _, made = await ann.calls("POST", "/api/visitors", headers=origin)
    ann.token = made["token"]
    for method, path in (("POST", "/api/links/telegram"), ("GET", "/api/links"), ("DELETE", f"/api/links/{UUID}")):
        assert (await ann.calls(method, path, headers=origin))[0] == 403


async def test_a_message_costs_no_lookup_of_its_sender(world: World, fake: FakeBotApi) -> None:
    """T1 finds the user: there is no round trip before it, for people with and without a link."""
    await counts.count_in(world.database_url)
    gateway = await world.gateway(telegram=settings(fake, "open"))
    await told(fake, ADA, f"/start {(await a_code(await world.person('ann', gateway.url)))['code']}")
    assert "Hello" in await told(fake, ADA, "hello")
    looked = await world.rows(LOOK_UPS)
    for person in (ADA, BOB, ADA, BOB):
        await told(fake, person, "hello")
    assert await world.rows(LOOK_UPS) == looked
    assert await world.rows(WHO) == [
        {"user_id": "ann", "channel": "telegram"},
        {"user_id": f"telegram:{BOB}", "channel": "telegram"},
    ]


async def test_ending_a_link_applies_to_every_replica_within_seconds(
    world: World, fake: FakeBotApi, gateway: Running
) -> None:
    """A link that ends on a replica that does not poll also ends on the one that does."""
    other = await world.gateway(telegram=settings(fake), data_dir="other")
    ann = await world.person("ann", gateway.url)
    ann_elsewhere = await world.person("ann", other.url)
    await told(fake, ADA, f"/start {(await a_code(ann_elsewhere))['code']}")
    await told(fake, ADA, "hello")
    [link] = (await ann.gets("/api/links"))["links"]
    assert (await ann.calls("DELETE", f"/api/links/{link['id']}"))[0] == 204

    async def is_out() -> bool:
        engines = [running.gateway.engine for running in (gateway, other)]
        return [await engine.links.user_of(TELEGRAM, str(ADA)) for engine in engines] == [None, None]

    await eventually(is_out, within=5)
