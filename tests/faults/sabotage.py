"""`python -m tests.faults.sabotage MECHANISM SETTINGS`: a gateway without one of its mechanisms, to see the checks fail.

- `offset`: a message counts as taken in before it is committed, so that Telegram's offset moves early.
- `marks`: a chunk is marked as sent before it is sent.

Failpoints of the settings work as ever: they hold the doors open that the mechanism would keep shut. Dedup and fencing stand
in the database and are taken out there: `without_dedup`, `without_fencing`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import asyncpg
import uvloop

from gateway.app.building.seams import Seams, with_calls
from gateway.app.building.stores import Stores
from gateway.app.faults.failing import failing_seams
from gateway.app.running.serve import serve
from gateway.config import Settings, load_settings
from gateway.core.inbound import InboundMessage
from gateway.core.model import Turn
from gateway.core.outbound import Reply
from gateway.core.ports.outbox import OutboxStore, Settled
from gateway.core.ports.turns import Acceptance, Finished, TurnStore
from gateway.core.service import Acknowledge, Intake, Notice
from gateway.core.tasks.background import Background
from gateway.log import configure_logging

LATER = Background()


def hasty(intake: Intake) -> Intake:
    """Acknowledges a message before it is stored."""

    async def accept(message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        if acknowledge is not None:
            return await intake.accept(message, acknowledge)
        LATER.start(take_in(message), "later")
        return Acceptance("accepted")

    async def take_in(message: InboundMessage) -> None:
        await intake.accept(message)

    return with_calls(intake, accept=accept)


def marked_first(turns: TurnStore, outbox: OutboxStore) -> TurnStore:
    """Marks chunks as sent before they are sent."""

    async def finish(turn: Turn, reply: Reply, held: Sequence[int] = ()) -> Finished:
        finished = await turns.finish(turn, reply, held)
        for item in finished.outbox:
            await outbox.mark(Settled(item.item_id, "sent"))
        return finished

    return with_calls(turns, finish=finish)


def _marked_first(seams: Seams) -> Seams:
    def stores(given: Stores) -> Stores:
        failing = seams.stores(given)
        return replace(failing, turns=marked_first(failing.turns, given.outbox))

    return replace(seams, stores=stores)


def _hasty(seams: Seams) -> Seams:
    return replace(seams, intake=lambda intake: hasty(seams.intake(intake)))


SABOTAGE: Mapping[str, Callable[[Seams], Seams]] = {
    "offset": _hasty,
    "marks": _marked_first,
}


async def without_fencing(database_url: str) -> None:
    """From now on, T2 accepts any result for a turn, whoever owns the turn and however it ended."""
    guard = "WHERE turn_id = p_turn_id AND owner = p_owner AND epoch = p_epoch AND status = 'running'"
    await _rewrite(database_url, "finish_turn", guard, "WHERE turn_id = p_turn_id")


async def without_dedup(database_url: str) -> None:
    """From now on, T1 recognizes no duplicate."""
    await _execute(database_url, "DROP INDEX chat_messages_client_id")
    await _rewrite(database_url, "accept_message", "client_id = p_key", "client_id = p_key AND false")


async def _rewrite(database_url: str, function: str, old: str, new: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        sources = await connection.fetch(
            "SELECT pg_get_functiondef(oid) AS source FROM pg_proc WHERE proname = $1", function
        )
        changed = [row["source"].replace(old, new) for row in sources if old in row["source"]]
        assert changed, f"{function} holds no {old!r}"
        for source in changed:
            await connection.execute(source)
    finally:
        await connection.close()


async def _execute(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def main(mechanism: str, settings_file: str) -> None:
    """Runs the gateway until SIGTERM."""
    settings: Settings = load_settings(Path(settings_file))
    configure_logging(settings.log.format, settings.log.level)
    seams = SABOTAGE[mechanism](failing_seams(settings.failpoints))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, seams))


if __name__ == "__main__":
    main(*sys.argv[1:])
