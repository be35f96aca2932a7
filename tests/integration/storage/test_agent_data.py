"""What agents keep for their frameworks: it counts with its turn, or not at all."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from gateway.core.model import AgentName, ChatId, Turn, TurnId, UserId
from gateway.core.ports.agent_data import LARGEST_DATA
from gateway.errors import TooLarge
from storage.agent_data import PostgresAgentData
from storage.database import Database
from tests.integration.sessions.conversations import talk
from tests.unit.agents.turns import turn
from tests.world import World

AGENT = AgentName("assistant")


async def turns_of(world: World, *texts: str) -> list[Turn]:
    """The completed turns of a conversation."""
    mia = await world.person("mia", (await world.gateway()).url)
    await talk(mia, *texts)
    rows = await world.rows("SELECT turn_id, chat_id, seq, epoch FROM turns ORDER BY seq")
    return [
        replace(
            turn("hi"),
            user_id=UserId("mia"),
            turn_id=TurnId(row["turn_id"]),
            chat_id=ChatId(row["chat_id"]),
            seq=row["seq"],
            epoch=row["epoch"],
        )
        for row in rows
    ]


async def sets_status(world: World, ended: Turn, status: str) -> None:
    """Changes how a turn has ended."""
    await world.rows(f"UPDATE turns SET status = '{status}' WHERE turn_id = $1", ended.turn_id)


async def test_a_turn_reads_what_the_latest_completed_one_kept(world: World, database: Database) -> None:
    """An attempt at the same turn reads the state before it; a turn that failed does not count."""
    data = PostgresAgentData(database)
    first, second, third = await turns_of(world, "one", "two", "three")
    assert await data.read(AGENT, "own", first) is None
    assert await data.write(AGENT, "own", first, "after one", None)
    assert await data.read(AGENT, "own", first) is None
    base = await data.read(AGENT, "own", second)
    assert base is not None
    assert (base.data, base.turn_id) == ("after one", first.turn_id)
    assert await data.write(AGENT, "own", second, "after two", base)
    assert await data.read(AGENT, "own", second) == base
    await sets_status(world, second, "failed")
    assert await data.read(AGENT, "own", third) == base
    await sets_status(world, second, "completed")
    latest = await data.read(AGENT, "own", third)
    assert latest is not None
    assert latest.data == "after two"
    assert await data.write(AGENT, "own", third, "after three", latest)
    kept = await world.rows("SELECT data FROM agent_data ORDER BY seq")
    assert [row["data"] for row in kept] == ["after two", "after three"]


async def test_a_replica_that_has_lost_the_turn_overwrites_nothing(world: World, database: Database) -> None:
    """Its attempt has an older epoch; a repeated one replaces what it has written itself."""
    data = PostgresAgentData(database)
    (only,) = await turns_of(world, "one")
    later = replace(only, epoch=only.epoch + 1)
    assert await data.write(AGENT, "own", later, "second attempt", None)
    assert not await data.write(AGENT, "own", only, "first attempt, late", None)
    assert await data.write(AGENT, "own", later, "second attempt, again", None)
    assert await world.rows("SELECT data FROM agent_data") == [{"data": "second attempt, again"}]


async def test_nobody_else_reads_or_writes_it(world: World, database: Database) -> None:
    """Row-level security: another user's turn sees nothing under the same name, and cannot write into the session."""
    data = PostgresAgentData(database)
    first, second = await turns_of(world, "one", "two")
    assert await data.write(AGENT, "own", first, "mine", None)
    stranger = replace(second, user_id=UserId("eve"))
    assert await data.read(AGENT, "own", stranger) is None
    assert not await data.write(AGENT, "other", stranger, "hers", None)
    assert await data.read(AgentName("another"), "own", second) is None
    assert not await data.write(AGENT, "own", replace(first, chat_id=ChatId(uuid4())), "nowhere", None)


async def test_a_copy_is_only_made_of_the_whole_conversation(world: World, database: Database) -> None:
    """A fork whose transcript has later messages reads the transcript instead."""
    data = PostgresAgentData(database)
    first, second = await turns_of(world, "one", "two")
    assert await data.write(AGENT, "own", first, "after one", None)
    assert not await data.copy(AGENT, "own", "copy")
    assert await data.write(AGENT, "own", second, "after two", None)
    assert await data.copy(AGENT, "own", "copy")
    copy = await data.read(AGENT, "copy", second)
    assert copy is not None
    assert (copy.data, copy.seq, copy.turn_id) == ("after two", 4, None)
    await data.delete(AGENT, "own")
    assert await world.rows("SELECT name FROM agent_data") == [{"name": "copy"}]


async def test_what_is_too_large_is_refused(world: World, database: Database) -> None:
    """Nothing of it is kept."""
    (only,) = await turns_of(world, "one")
    with pytest.raises(TooLarge, match="4194304"):
        await PostgresAgentData(database).write(AGENT, "own", only, "x" * (LARGEST_DATA + 1), None)
    assert await world.rows("SELECT name FROM agent_data") == []
