"""Each piece of news once."""

from __future__ import annotations

from uuid import uuid4

from gateway.core.announcer import Announcer
from gateway.core.bus import LocalBus
from gateway.core.events import LiveEvent, TurnChanged
from gateway.core.model import SessionId, TurnId, UserId
from gateway.core.ports.live import session_topic

SESSION, USER = SessionId("s"), UserId("ann")


def test_older_and_repeated_news_of_a_turn_are_dropped() -> None:
    """The poll reads a moment later what was announced here already."""
    bus, heard = LocalBus(), list[LiveEvent]()
    bus.subscribe(session_topic(SESSION), heard.append)
    announcer, turn = Announcer(bus), TurnId(uuid4())
    for status, attempt in (
        ("queued", 0),
        ("running", 1),
        ("running", 1),
        ("queued", 0),
        ("running", 2),
        ("completed", 2),
        ("running", 2),
    ):
        announcer.turn(turn, SESSION, USER, status, attempt)  # type: ignore[arg-type] # literals
    assert [(event.status, event.attempt) for event in heard if isinstance(event, TurnChanged)] == [
        ("queued", 0),
        ("running", 1),
        ("running", 2),
        ("completed", 2),
    ]


def test_who_unsubscribed_hears_nothing() -> None:
    """And the topic is forgotten with its last subscriber."""
    bus, heard = LocalBus(), list[LiveEvent]()
    forget = bus.subscribe(session_topic(SESSION), heard.append)
    forget()
    Announcer(bus).rows(SESSION, USER, 3)
    assert heard == []
    assert bus.topics() == ()
