"""Runs turns and sends their replies; built on the stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.app.building.agents import ConfiguredAgents
from gateway.app.building.live_events import LiveEvents
from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.core.delivery.outbox import Outbox
from gateway.core.limits.callers import Callers
from gateway.core.model import ChannelName
from gateway.core.ports.channels import Channel
from gateway.core.titles.spare_capacity import SpareCapacity
from gateway.core.titles.titling import Titler, TitlerParts
from gateway.core.turns.pulse import Heartbeat
from gateway.core.turns.runner import Runner, RunnerParts
from gateway.core.turns.turn_slots import TurnSlots


@dataclass(frozen=True, slots=True)
class Turns:
    """The parts that take a claimed turn to its reply."""

    outbox: Outbox
    titler: Titler
    callers: Callers
    runner: Runner


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
        cancelled_elsewhere=live_events.notifier.cancels,
        after=titler.after,
        states=stores.states,
        max_state=agents.settings.sessions.max_state,
    )
    return Turns(outbox, titler, callers, Runner(parts))
