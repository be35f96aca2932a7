"""A replica's stores, and Ann's messages to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB, Address, AgentName, ReplicaId, Route, Turn, UserId
from gateway.core.outbound import Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.turns import Acceptance
from storage.database import Database
from storage.replicas.replicas import PostgresPollLeases, PostgresReplicas
from storage.turns.outbox import PostgresOutbox
from storage.turns.turns import PostgresTurns

TERMS = TurnTerms()
CHAT = Address("telegram:1:2:0")
HELLO = InboundMessage(
    UserId("ann"), WEB, AgentName("assistant"), "hello", "k1", Route("web:assistant"), deliver_to=(CHAT,)
)


def saying(text: str, key: str, **given: object) -> InboundMessage:
    """Ann's next message."""
    return replace(HELLO, text=text, key=key, **given)  # type: ignore[arg-type] # fields by name


def answer(text: str) -> Reply:
    """A completed reply."""
    return Reply("completed", text, ({"type": "text", "text": text},))


def claimed(accepted: Acceptance) -> Turn:
    """The turn that was claimed."""
    assert accepted.turn is not None
    return accepted.turn


class Replica:
    """One replica's stores."""

    def __init__(self, database: Database, slot: str, window: timedelta = timedelta(minutes=15)) -> None:
        self.id = ReplicaId(uuid4())
        self.turns = PostgresTurns(database, self.id, window)
        self.life = PostgresReplicas(database, self.id, slot, timedelta(seconds=30))
        self.outbox = PostgresOutbox(database, self.id)
        self.leases = PostgresPollLeases(database, self.id)
