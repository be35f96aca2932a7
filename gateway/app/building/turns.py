"""Runs turns and sends their replies; built on the stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.agents.prices import Prices
from gateway.app.building.agents import ConfiguredAgents
from gateway.app.building.live_events import LiveEvents
from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.core.delivery.outbox import Outbox
from gateway.core.limits.budgets import BudgetCheck
from gateway.core.limits.callers import Callers
from gateway.core.model import ChannelName, UserId
from gateway.core.ports.channels import Channel
from gateway.core.replicas.on_demand import OnDemand
from gateway.core.titles.spare_capacity import SpareCapacity
from gateway.core.titles.titling import Titler, TitlerParts
from gateway.core.turns.adding_up import AddingUp
from gateway.core.turns.pulse import Heartbeat
from gateway.core.turns.resumption import Resumption
from gateway.core.turns.runner import Runner, RunnerParts
from gateway.core.turns.turn_slots import TurnSlots


@dataclass(frozen=True, slots=True)
class Turns:
    """The parts that take a claimed turn to its reply."""

    outbox: Outbox
    titler: Titler
    callers: Callers
    adding_up: OnDemand
    runner: Runner
    resumption: Resumption


def build_turns(  # noqa: PLR0917 - the parts, each of another kind
    stores: Stores,
    seams: Seams,
    agents: ConfiguredAgents,
    live_events: LiveEvents,
    lease: Heartbeat,
    channels: Mapping[ChannelName, Channel],
) -> Turns:
    """`channels`: those that replies are pushed to; may be filled later."""
    outbox = Outbox(channels, stores.outbox, lease)
    spare = SpareCapacity(agents.concurrency)
    titler = Titler(
        TitlerParts(
            agents.agents, agents.title_agents, spare, stores.session_changes, stores.messages, live_events.announcer
        ),
    )
    callers, limits = Callers(), agents.settings.turns
    adding_up = OnDemand("usage", AddingUp(stores.usage).work)
    resumption = Resumption()

    def cancelled_elsewhere() -> None:
        live_events.notifier.cancels()
        resumption.soon()  # it may wait for an answer, and run nowhere

    parts = RunnerParts(
        agents={name: seams.agent(agent) for name, agent in agents.agents.items()},
        terms=agents.terms,
        channels=channels,
        turns=stores.turns,
        outbox=outbox,
        lease=lease,
        announcer=live_events.announcer,
        slots=TurnSlots(agents.slots(), callers, stores.turns, live_events.announcer, live_events.bus),
        spare_capacity=spare,
        max_attempts=limits.max_attempts,
        max_reply=limits.max_reply,
        cancelled_elsewhere=cancelled_elsewhere,
        pricing=Prices(agents.settings.agents),
        budgets=_budgets(stores, agents),
        used=adding_up.call,
        after=titler.after,
        states=stores.states,
        max_state=agents.settings.sessions.max_state,
    )
    return Turns(outbox, titler, callers, adding_up, Runner(parts), resumption)


def _budgets(stores: Stores, agents: ConfiguredAgents) -> BudgetCheck | None:
    given = agents.settings.budgets
    users = {UserId(name): budget for name, budget in given.users.items()}
    check = BudgetCheck(stores.usage, given, given.each_user, users, agents.budgets)
    return check if check.are_set else None
