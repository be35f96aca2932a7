"""Each change is announced once, however often it is read."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from gateway.core.events import LiveEvent, TurnChanged
from gateway.core.live.announcer import REMEMBERED, Announcer
from gateway.core.live.bus import LocalBus
from gateway.core.lookback import FeedPosition
from gateway.core.model import SessionId, TurnId, UserId
from gateway.core.ports.live import Changes, session_topic
from gateway.core.replicas.change_announcer import ChangeAnnouncer

SESSION, USER = SessionId("s"), UserId("ann")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def changes(*turns: TurnChanged) -> Changes:
    """The result of a query that read these turns."""
    return Changes(FeedPosition(NOON, 1, 1), (), (), (), turns, (), ())


def ended() -> TurnChanged:
    """A change of a turn."""
    return TurnChanged(SESSION, USER, TurnId(uuid4()), "completed", 1, 2)


def test_more_turns_than_are_remembered_are_announced_once() -> None:
    """Queries overlap by seconds, in which many turns may end."""
    bus, heard = LocalBus(), list[LiveEvent]()
    bus.subscribe(session_topic(SESSION), heard.append)
    announcer, turns = ChangeAnnouncer(Announcer(bus)), [ended() for _ in range(REMEMBERED + 1)]
    for _ in range(3):
        announcer.announce(changes(*turns), set(), everything=True)
    assert heard == turns


def test_a_query_of_some_topics_forgets_nothing_of_the_others() -> None:
    """What the last full query has read is not new at the next one."""
    bus, heard = LocalBus(), list[LiveEvent]()
    bus.subscribe(session_topic(SESSION), heard.append)
    announcer, one, two = ChangeAnnouncer(Announcer(bus)), ended(), ended()
    announcer.announce(changes(one), set(), everything=True)
    announcer.announce(changes(two), set(), everything=False)
    announcer.announce(changes(one, two), set(), everything=True)
    assert heard == [one, two]
