"""Live events and how they reach followers of a session, here and on other replicas."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.app.building.stores import Stores
from gateway.core.live.announcer import Announcer
from gateway.core.live.bus import LocalBus
from gateway.core.live.live_turns import LiveTurns
from gateway.core.replicas.notifier import Notifier
from gateway.core.replicas.other_replicas import OtherReplicas


@dataclass(frozen=True, slots=True)
class LiveEvents:
    """The bus, and the parts that notify other replicas."""

    bus: LiveTurns
    other_replicas: OtherReplicas
    notifier: Notifier
    announcer: Announcer


def build_live_events(stores: Stores, concurrency: int) -> LiveEvents:
    """`concurrency`: the number of turns that run at a time."""
    bus, others = LiveTurns(LocalBus(), most=2 * concurrency), OtherReplicas()
    notifier = Notifier(stores.broadcast, others, str(stores.replicas.replica_id))
    return LiveEvents(bus, others, notifier, Announcer(bus, notifier.changed, notifier.deleted))
