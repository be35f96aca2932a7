"""Accepts messages, chat commands and edits; built on what runs turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from channels.table import USER_IDS, switched_off
from gateway.app.building.agents import ConfiguredAgents
from gateway.app.building.live_events import LiveEvents
from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.app.building.turns import Turns
from gateway.core.intake.approvals import Approvals
from gateway.core.intake.commands import Commands, CommandsParts
from gateway.core.intake.dispatcher import Dispatcher, DispatcherParts
from gateway.core.intake.editing import Editing, EditingParts
from gateway.core.intake.linking import LinkCommands
from gateway.core.intake.switching import Switching, SwitchingParts
from gateway.core.service import Intake
from gateway.core.users.links import Links


@dataclass(frozen=True, slots=True)
class Inbound:
    """What the edges pass messages and edits to."""

    intake: Intake
    approvals: Approvals
    editing: Editing
    links: Links


def build_inbound(  # noqa: PLR0917 - the parts, each of another kind
    stores: Stores,
    seams: Seams,
    agents: ConfiguredAgents,
    live_events: LiveEvents,
    turns: Turns,
    alive: Callable[[], bool],
) -> Inbound:
    """`alive`: whether messages may be accepted now."""
    links = Links(stores.links, USER_IDS, switched_off(agents.settings), seams.clock)
    switching = Switching(SwitchingParts(stores.sessions, stores.messages, stores.routes, agents.descriptions))
    commands = CommandsParts(stores.sessions, stores.turns, turns.runner, switching, LinkCommands(links, USER_IDS))
    parts = DispatcherParts(
        turns=stores.turns,
        messages=stores.messages,
        commands=Commands(commands),
        runner=turns.runner,
        resume=turns.resumption.soon,
        bus=live_events.bus,
        announcer=live_events.announcer,
        terms=agents.terms,
        alive=alive,
        max_text=agents.settings.turns.max_text,
    )
    intake = seams.intake(Dispatcher(parts))
    editing = _editing(stores, agents, live_events, turns, intake)
    switching.forks_with(editing.fork)
    approvals = Approvals(stores.approvals, live_events.announcer, turns.resumption.soon)
    return Inbound(intake, approvals, editing, links)


def _editing(
    stores: Stores, agents: ConfiguredAgents, live_events: LiveEvents, turns: Turns, intake: Intake
) -> Editing:
    return Editing(
        EditingParts(
            store=stores.edits,
            sessions=stores.sessions,
            intake=intake,
            announcer=live_events.announcer,
            titler=turns.titler,
            stop=turns.runner.cancel,
            agents=agents.agents,
            terms=agents.terms,
            max_text=agents.settings.turns.max_text,
        )
    )
