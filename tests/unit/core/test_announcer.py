"""Each change is announced once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from gateway.core.events import AttemptBegan, LiveEvent, SessionChanged, TurnChanged
from gateway.core.live.announcer import Announcer
from gateway.core.live.bus import LocalBus
from gateway.core.model import TurnId
from gateway.core.ports.live import session_topic, user_topic
from tests.unit.agents.turns import turn as a_turn
from tests.unit.core.sessions import NOON, SESSION, TITLED, UNTITLED, USER


def test_older_and_repeated_changes_of_a_turn_are_dropped() -> None:
    """A moment later the poll reads what was already announced here."""
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
        announcer.turn(TurnChanged(SESSION, USER, turn, status, attempt))  # type: ignore[arg-type] # literals
    assert [(event.status, event.attempt) for event in heard if isinstance(event, TurnChanged)] == [
        ("queued", 0),
        ("running", 1),
        ("running", 2),
        ("completed", 2),
    ]


def test_an_unsubscribed_listener_receives_nothing() -> None:
    """The topic is forgotten with its last subscriber."""
    bus, heard = LocalBus(), list[LiveEvent]()
    forget = bus.subscribe(session_topic(SESSION), heard.append)
    forget()
    Announcer(bus).rows(SESSION, USER, 3)
    assert heard == []
    assert bus.topics() == ()


def test_two_changes_at_the_same_time_are_both_announced() -> None:
    """A clock that steps back may give a session the same time twice; older and repeated changes are dropped."""
    bus, heard = LocalBus(), list[LiveEvent]()
    bus.subscribe(user_topic(USER), heard.append)
    announcer = Announcer(bus)
    later = replace(TITLED, updated_at=NOON + timedelta(seconds=1), title="Boats")
    for session in (UNTITLED, TITLED, TITLED, later, TITLED):
        announcer.session(session)
    titles = [event.session.title for event in heard if isinstance(event, SessionChanged)]
    assert titles == [None, "Ships", "Boats"]


def test_a_list_opened_later_receives_changes_nobody_received() -> None:
    """A change while no list was open does not count as announced."""
    bus, heard = LocalBus(), list[LiveEvent]()
    announcer = Announcer(bus)
    announcer.session(TITLED)
    bus.subscribe(user_topic(None), heard.append)
    announcer.read_session(TITLED)
    announcer.session(TITLED)
    assert heard == [SessionChanged(TITLED)]


def test_an_attempt_that_starts_here_is_announced_even_if_it_was_read_before() -> None:
    """Its claim was read from the database while it waited for a slot; an attempt that has ended elsewhere does not begin."""
    bus, heard = LocalBus(), list[LiveEvent]()
    announcer, turn = Announcer(bus), replace(a_turn("hello"), session_id=SESSION, user_id=USER)
    bus.subscribe(session_topic(SESSION), heard.append)
    announcer.turn(TurnChanged(SESSION, USER, turn.turn_id, "running", 1))
    announcer.begins(turn)
    announcer.turn(TurnChanged(SESSION, USER, turn.turn_id, "completed", 2))
    announcer.begins(turn)
    assert [type(event) for event in heard] == [TurnChanged, AttemptBegan, TurnChanged, TurnChanged]
