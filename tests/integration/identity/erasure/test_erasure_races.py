"""An erasure, and those who are at work meanwhile: it ends, and nobody who was remembered or on the way brings the user back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import jwt
import pytest

from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running
from gateway.core.ports.work_finder import KnownWork, Waiting
from gateway.core.users.erasure import CONTENTS
from gateway.errors import Conflict
from storage.identity import SYSTEM_ROLE
from tests.detours import Call, Detours
from tests.fakes.bot_api import FakeBotApi
from tests.integration.identity.erasure.erasing import ERASE, WAITS_FOR_A_LOCK, housekeeps, is_gone
from tests.integration.identity.user_data import SESSIONS, rows_of
from tests.integration.telegram.driver import ADA, TOKEN
from tests.world import PATIENCE_S, Person, World, eventually

TRIGGER = {"type": "interval", "seconds": 1}
SECRET = "of-the-customers-own-login-0123456789"


async def remembered(world: World, url: str) -> Person:
    """The same user with another token, which a gateway has just looked up."""
    again = await world.person("mia", url)
    await again.gets("/api/me")
    return again


async def elsewhere(world: World, seams: Seams | None = None) -> Person:
    """The same user at another replica."""
    return await remembered(world, (await world.gateway(seams, data_dir="other")).url)


@asynccontextmanager
async def erasing(world: World, mia: Person) -> AsyncIterator[asyncio.Task[tuple[int, object]]]:
    """In the midst of an erasure: it waits for a session that is held here."""
    await mia.posts(SESSIONS, 201)
    outsider = await asyncpg.connect(world.database_url)
    try:
        async with outsider.transaction():
            await outsider.execute("SELECT FROM chat_sessions FOR UPDATE")
            asking = asyncio.create_task(mia.calls("DELETE", ERASE))
            await waits(world)
            yield asking
    finally:
        await outsider.close()


async def waits(world: World) -> None:
    """Until somebody waits for a lock."""
    await eventually(lambda: world.rows(WAITS_FOR_A_LOCK))


async def connects_as(world: World, role: str) -> asyncpg.Connection[asyncpg.Record]:
    """A connection of one of the gateway's roles. A superuser is under no policy."""
    connection = await asyncpg.connect(world.database_url)
    await connection.execute(f"SET ROLE {role}")
    return connection


async def test_another_replica_does_not_bring_the_user_back(world: World, mia: Person) -> None:
    """P-4: whoever it remembers, because it does not know yet what has ended, may not begin anything."""
    unaware = Detours()

    async def finds_nothing_ended(find: Callable[[KnownWork], Awaitable[Waiting]], known_work: KnownWork) -> Waiting:
        return replace(await find(known_work), ended=(), erased=())

    unaware.divert("work_finder", "find", finds_nothing_ended)
    # By a clock that stands still, it remembers her for as long as the test takes.
    other = await elsewhere(world, replace(unaware.seams, clock=lambda: 0.0))
    session = await mia.posts(SESSIONS, 201)
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    await other.gets("/api/me")
    said = [{"role": "user", "content": "hello"}]
    problem = await other.posts("/v1/chat/completions", 409, model="assistant", messages=said)
    assert "a minute after" in problem["error"]["message"]
    parts = [{"type": "text", "text": "hello"}]
    await other.posts("/api/chat", 409, id="c1", messages=[{"id": "m1", "role": "user", "parts": parts}])
    await other.posts(f"{SESSIONS}/{session['session_id']}/messages", 404, text="hello")
    socket = await other.connects()
    await socket.says(type="send", id="k1", text="hello")
    await socket.hears("error", code="conflict")
    await other.posts(SESSIONS, 401)
    assert await is_gone(world)


async def test_another_replica_makes_no_schedule(world: World, mia: Person) -> None:
    """P-4: it would begin sessions for ever."""
    other = await elsewhere(world)
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    await other.posts("/api/schedules", 401, name="n", prompt="p", trigger=TRIGGER)
    assert await is_gone(world)


async def test_a_schedule_created_during_the_erasure_is_refused(world: World, gateway: Running, mia: Person) -> None:
    """P-4: on the erasing replica, with another token of the user."""
    again = await remembered(world, gateway.url)
    async with erasing(world, mia) as asking:
        await again.posts("/api/schedules", 401, name="n", prompt="p", trigger=TRIGGER)
    assert (await asking)[0] == 204
    assert await is_gone(world)


async def test_a_token_created_during_the_erasure_is_refused(world: World, gateway: Running, mia: Person) -> None:
    """P-4: not even an operator can create one before the erasure is over; the error says when to try again."""
    owner = await world.person("owner", gateway.url, "operator")
    async with erasing(world, mia) as asking:
        problem = await owner.posts("/api/tokens", 409, user_id="mia")
    assert (await asking)[0] == 204
    assert "a minute after" in problem["detail"]
    assert await is_gone(world)


async def test_a_token_created_after_the_erasure_starts_a_new_user(world: World, gateway: Running, mia: Person) -> None:
    """P-4: at once, and without a past."""
    owner = await world.person("owner", gateway.url, "operator")
    await mia.posts(SESSIONS, 201)
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    new = replace(mia, token=(await owner.posts("/api/tokens", 201, user_id="mia"))["token"])
    assert (await new.gets(SESSIONS))["total"] == 0
    await new.posts(SESSIONS, 201)
    await mia.posts(SESSIONS, 401)


async def test_a_token_that_comes_too_soon_holds_nothing(world: World, gateway: Running, mia: Person) -> None:
    """P-4: it waits in the gateway, for as long as it is told; no statement sleeps."""
    owner = await world.person("owner", gateway.url, "operator")
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    await world.rows("UPDATE erasures SET finished_at = now() + interval '1 hour'")
    [row] = await world.rows("SELECT begin_anew('mia') AS rest")
    assert timedelta(minutes=59) < row["rest"] <= timedelta(hours=1, seconds=3)
    waiting = asyncio.create_task(owner.posts("/api/tokens", 201, user_id="mia"))
    await owner.gets("/api/me")
    assert (
        await world.rows("SELECT FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ~ 'pg_sleep'")
        == []
    )
    assert not waiting.done()
    waiting.cancel()
    assert await world.rows("SELECT FROM api_tokens WHERE user_id = 'mia'") == []


async def test_a_session_that_was_not_committed_yet(world: World, mia: Person) -> None:
    """P-4: the erasure waits for what was on its way, and takes it too."""
    outsider = await connects_as(world, SYSTEM_ROLE)
    async with outsider.transaction():
        await outsider.execute("INSERT INTO chat_sessions (user_id, agent_name) VALUES ('mia', 'assistant')")
        asking = asyncio.create_task(mia.calls("DELETE", ERASE))
        await waits(world)
    await outsider.close()
    assert (await asking)[0] == 204
    assert await is_gone(world)


async def keeps_at_it(act: Callable[[], Awaitable[object]], erased: asyncio.Task[tuple[int, object]]) -> None:
    while not erased.done():
        await act()


async def test_it_ends_though_a_client_makes_sessions(world: World, mia: Person) -> None:
    """P-4: and though another replica remembers that client."""
    other = await elsewhere(world)
    for _ in range(10):
        await mia.posts(SESSIONS, 201)
    asking = asyncio.create_task(mia.calls("DELETE", ERASE))
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(keeps_at_it(lambda: other.calls("POST", SESSIONS, json={}), asking) for _ in range(4)))
    assert (await asking)[0] == 204
    assert await is_gone(world)


async def test_an_erasure_ends_while_a_client_keeps_writing(world: World, mia: Person, detours: Detours) -> None:
    """P-4: no step waits for a session to be silent."""
    other = await elsewhere(world)
    session = await mia.posts(SESSIONS, 201)
    path = f"{SESSIONS}/{session['session_id']}/messages"
    steps = []

    async def beside_it(clear_session: Call, *asked: Any) -> object:
        steps.append(asked)
        await other.calls("POST", path, json={"text": "hello"}, headers={"Prefer": "wait=0"})
        return await clear_session(*asked)

    detours.divert("erasure", "clear_session", beside_it)
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    assert len(steps) == len(CONTENTS)
    assert await is_gone(world)


async def test_one_that_was_broken_off_is_finished(
    world: World, gateway: Running, mia: Person, detours: Detours
) -> None:
    """P-4: by any gateway, a minute later; the user cannot ask again, and nothing begins before."""
    await mia.posts(SESSIONS, 201)

    async def breaks(*_asked: object) -> bool:
        raise RuntimeError("killed")

    detours.divert("erasure", "clear_session", breaks)
    assert (await mia.calls("DELETE", ERASE))[0] == 500
    detours.end("erasure", "clear_session")
    assert (await mia.calls("DELETE", ERASE))[0] == 401
    await housekeeps(gateway)
    assert not await is_gone(world), "whoever is at it has a minute"
    with pytest.raises(Conflict):
        await world.person("mia", gateway.url)
    await world.rows("UPDATE erasures SET taken_at = taken_at - interval '61 s'")
    await eventually(lambda: world.rows("SELECT FROM erasures WHERE finished_at IS NOT NULL"))
    assert await is_gone(world)


async def test_a_minute_later_the_name_is_free(world: World, gateway: Running, mia: Person) -> None:
    """P-4: somebody new begins without a past, and that there was an erasure is forgotten."""
    await mia.posts(SESSIONS, 201)
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    await housekeeps(gateway)
    assert await world.rows("SELECT FROM erasures")
    await world.rows("UPDATE erasures SET finished_at = finished_at - interval '61 s'")
    await housekeeps(gateway)
    assert await world.rows("SELECT FROM erasures") == []
    new = await world.person("mia", gateway.url)
    await new.posts(SESSIONS, 201)
    assert (await new.gets(SESSIONS))["total"] == 1


async def test_a_jwt_starts_a_new_user_a_minute_after_the_erasure(world: World) -> None:
    """P-4: the customer's login decides who that is; until then nothing is begun."""
    gateway = await world.gateway(auth={"jwt_secret": SECRET})
    claims = {"sub": "mia", "exp": datetime.now(UTC) + timedelta(hours=1)}
    mia = Person("mia", jwt.encode(claims, SECRET, "HS256"), gateway.url, await world.http())
    await mia.posts("/api/schedules", 201, name="n", prompt="p", trigger={"type": "cron", "expression": "0 8 * * *"})
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    await mia.posts("/api/schedules", 409, name="n", prompt="p", trigger=TRIGGER)
    await mia.posts(SESSIONS, 409)
    await world.rows("UPDATE erasures SET finished_at = finished_at - interval '61 s'")
    await mia.posts(SESSIONS, 201)


async def test_a_telegram_message_during_the_erasure_gets_an_explanation(world: World) -> None:
    """P-4: and nothing of the message is kept, in quarantine neither."""
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, webhook_backoff_s=0.05) as fake:
        gateway = await world.gateway(telegram={"token": TOKEN, "api_url": fake.url, "access": "open"})
        owner = await world.person("owner", gateway.url, "operator")
        assert (await owner.calls("DELETE", f"/api/users/telegram:{ADA}"))[0] == 204
        fake.says(ADA, "hello")
        assert "being erased" in (await fake.hears(ADA, within=20))[0].text
        assert not any((await rows_of(world, f"telegram:{ADA}")).values())
        assert await world.rows("SELECT FROM quarantine") == []


async def test_a_gateway_starts_while_its_owner_is_erased(world: World) -> None:
    """P-4: or nobody would finish it. The code that it prints is good for nothing yet."""
    await world.rows("INSERT INTO erasures (user_id, taken_at) VALUES ('owner', now() - interval '1 hour')")
    gateway = await world.gateway()
    with pytest.raises(Conflict):
        await world.person("owner", gateway.url)
    await eventually(lambda: world.rows("SELECT FROM erasures WHERE finished_at IS NOT NULL"))
