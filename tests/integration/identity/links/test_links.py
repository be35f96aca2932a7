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


async def test_a_deep_link_makes_the_person_the_user(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """AC-11: nobody before the link, the user from the message after it on; replies go there too."""
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


async def test_links_are_listed_and_ended(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """By their user, by an operator who sees all, and by nobody else."""
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


async def test_a_code_is_good_once(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Used, expired, made up: one and the same text, and no session."""
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    await told(fake, ADA, f"/start {code}")
    used = await told(fake, BOB, f"/start {code}")
    made_up = await told(fake, BOB, "/link nonsense")
    late = (await a_code(await world.person("cid", gateway.url)))["code"]
    await world.rows("UPDATE link_codes SET expires_at = now() RETURNING 1")
    assert used == made_up == await told(fake, BOB, f"/start {late}")
    assert await world.rows(WHO) == []


async def test_of_two_who_redeem_at_once_one_is_linked(world: World, gateway: Running) -> None:
    """Single use is the database's business."""
    links = gateway.gateway.engine.links
    made = await a_code(await world.person("ann", gateway.url))
    people = [Person(TELEGRAM, str(number)) for number in range(8)]
    linked = await asyncio.gather(*(links.redeem(made["code"], person) for person in people))
    assert sum(one is not None for one in linked) == 1


async def test_a_code_lasts_ten_minutes_and_is_nowhere(
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


async def test_whoever_is_linked_must_unlink_first(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Merging never happens silently; the code stays good meanwhile."""
    ann, eve = await world.person("ann", gateway.url), await world.person("eve", gateway.url)
    await told(fake, ADA, f"/start {(await a_code(ann))['code']}")
    second = (await a_code(eve))["code"]
    assert "/unlink" in await told(fake, ADA, f"/start {second}")
    assert [link["user_id"] for link in (await ann.gets("/api/links"))["links"]] == ["ann"]
    assert "unlinked" in await told(fake, ADA, "/unlink")
    assert "you chat as eve" in await told(fake, ADA, f"/start {second}")


async def test_a_code_in_a_group_links_nobody(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Others can read it there, so it is void."""
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    assert "no longer valid" in await told(fake, TEAM, f"/link {code}", from_id=ADA)
    assert "expired" in await told(fake, ADA, f"/link {code}")
    assert await world.rows("SELECT 1 FROM links") == []


async def test_in_a_group_each_person_is_who_they_are(world: World, fake: FakeBotApi) -> None:
    """A link is its person's, not the chat's; lists of conversations are not for everybody's eyes."""
    gateway = await world.gateway(telegram=settings(fake, "open"))
    await told(fake, ADA, f"/start {(await a_code(await world.person('ann', gateway.url)))['code']}")
    await told(fake, TEAM, "hello from ada", from_id=ADA)
    await told(fake, TEAM, "hello from bob", from_id=BOB)
    assert [row["user_id"] for row in await world.rows(WHO)] == ["ann", f"telegram:{BOB}"]
    assert "private chat" in await told(fake, TEAM, "/sessions", from_id=ADA)


async def test_a_link_moves_no_conversation(world: World, fake: FakeBotApi) -> None:
    """And says how many stay behind."""
    gateway = await world.gateway(telegram=settings(fake, "open"))
    await told(fake, ADA, "before")
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    assert f"No conversation was moved: one conversation stays with telegram:{ADA}" in await told(
        fake, ADA, f"/start {code}"
    )
    await told(fake, ADA, "after")
    assert [row["user_id"] for row in await world.rows(WHO)] == [f"telegram:{ADA}", "ann"]


async def test_from_telegram_to_the_web(world: World, fake: FakeBotApi) -> None:
    """With open access the bot gives the code, and the account that it is typed into takes the person in."""
    gateway = await world.gateway(telegram=settings(fake, "open"))
    ann = await world.person("ann", gateway.url)
    text = await told(fake, ADA, "/link")
    command = next(line for line in text.splitlines() if line.startswith("/link "))
    assert f"telegram:{ADA}" in await notice(ann, command)
    assert "expired" in await notice(ann, command)
    assert "you chat as ann" in await told(fake, ADA, "/link")
    await told(fake, ADA, "hello")
    assert [row["user_id"] for row in await world.rows(WHO)] == ["ann"]


async def test_link_and_unlink_in_the_web_chat(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """The notice holds the code, the deep link and how long it lasts; of several links one is named by its number."""
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


async def test_who_is_unlinked_hears_nothing_more(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """What the user goes on with elsewhere is not for that Telegram chat any more."""
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


async def test_a_mapping_goes_before_any_link(world: World, fake: FakeBotApi) -> None:
    """`id=user` is whoever runs the bot's word, and that is said."""
    gateway = await world.gateway(telegram=settings(fake, "linked", allow=(f"{ADA}=ada",)))
    code = (await a_code(await world.person("ann", gateway.url)))["code"]
    assert "telegram.allow" in await told(fake, ADA, f"/start {code}")
    await told(fake, ADA, "hello")
    assert [row["user_id"] for row in await world.rows(WHO)] == ["ada"]


async def test_an_allowlist_stays_one(world: World, fake: FakeBotApi) -> None:
    """A code lets nobody in who isn't on it."""
    gateway = await world.gateway(telegram=settings(fake, "allowlist", allow=(str(ADA),)))
    ann = await world.person("ann", gateway.url)
    assert "invited" in await told(fake, BOB, f"/start {(await a_code(ann))['code']}")
    assert "you chat as ann" in await told(fake, ADA, f"/start {(await a_code(ann))['code']}")


async def test_guessing_is_slowed_down(world: World, gateway: Running) -> None:
    """By who guesses."""
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    answers = []
    for number in range(12):
        await socket.says(type="send", id=f"g{number}", text=f"/link guess{number}")
        answers.append((await socket.hears("notice"))["text"])
    assert "Too many requests" in answers[-1]


async def test_without_the_channel_there_is_nothing_to_link(world: World) -> None:
    """409 with what to set; visitors have no account at all."""
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


async def test_nobody_is_looked_up_before_a_message(world: World, fake: FakeBotApi) -> None:
    """T1 decides whose it is: a message costs no round trip before that, from people with a link and without one."""
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


async def test_a_link_holds_on_every_replica_within_seconds(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Ended on a replica that does not poll, it has ended on the one that does."""
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
