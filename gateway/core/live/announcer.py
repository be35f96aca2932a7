"""Announces each change once, whether it happened here or was read from the database a moment later."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar

from gateway.core.events import (
    AttemptBegan,
    MessageAdded,
    MessageChanged,
    Progress,
    RowsAdded,
    SessionChanged,
    SessionDeleted,
    ShownEvent,
    TurnChanged,
)
from gateway.core.model import Message, MessageId, Session, SessionId, Turn, TurnId, TurnStatus, UserId
from gateway.core.ports.live import EventBus, session_topic, user_topic

Key = TypeVar("Key")
Value = TypeVar("Value")
REMEMBERED = 16_384
"""Sessions, turns and messages: more than change here while five seconds of changes are read again."""
OLDEST = (-1, 0)
EVERYBODY = user_topic(None)
RANK: dict[TurnStatus, int] = {"queued": 0, "running": 1, "waiting": 1, "completed": 2, "failed": 2, "cancelled": 2}


def _nobody(*_news: str) -> None:
    """Stands in for the other replicas where there are none."""


class Announcer:
    """Publishes on the bus, and drops what it has already published.

    Changes made here are also announced to other replicas (`tell_others`, by topic; `tell_deleted`, by the topic of the list and
    the session's id); changes that were `read` happened elsewhere.
    """

    def __init__(
        self,
        bus: EventBus,
        tell_others: Callable[[*tuple[str, ...]], None] = _nobody,
        tell_deleted: Callable[[str, SessionId], None] = _nobody,
    ) -> None:
        self._bus = bus
        self._tell_others = tell_others
        self._tell_deleted = tell_deleted
        self._turns: OrderedDict[TurnId, tuple[int, int]] = OrderedDict()
        self._changed: OrderedDict[MessageId, datetime | None] = OrderedDict()
        self._sessions: OrderedDict[SessionId, tuple[datetime, str | None, int]] = OrderedDict()

    # Committed here ---------------------------------------------------------------------------------------------------

    def message(self, message: Message) -> None:
        """A row was committed."""
        topic = session_topic(message.session_id)
        self._tell_others(topic)
        self._bus.publish(topic, MessageAdded(message))

    def changed(self, message: Message) -> None:
        """A row was edited, deleted, hidden or restored; each change is announced once."""
        self._tell_others(session_topic(message.session_id))
        self.read_change(message)

    def begins(self, turn: Turn) -> None:
        """An attempt at a turn begins; announced even if the claim was read from the database before."""
        about = (turn.session_id, turn.user_id, turn.turn_id)
        running = TurnChanged(*about, "running", turn.attempt)
        if _rank(running) >= self._turns.get(turn.turn_id, OLDEST):
            topic = session_topic(turn.session_id)
            self._tell_others(topic)
            self._bus.publish(topic, AttemptBegan(*about, turn.attempt))
            self._publish(running)

    def progress(self, turn: Turn, event: ShownEvent) -> None:
        """The agent yielded something; other replicas are not notified."""
        progress = Progress(turn.session_id, turn.user_id, turn.turn_id, turn.attempt, event)
        self._bus.publish(session_topic(turn.session_id), progress)

    def turn(self, changed: TurnChanged) -> None:
        """A turn has a new status or attempt; anything older than what was already announced is dropped."""
        self._tell_others(session_topic(changed.session_id))
        self.read_turn(changed)

    def session(self, session: Session) -> None:
        """A session appeared or changed."""
        own = user_topic(session.user_id)
        self._tell_others(session_topic(session.session_id), own, EVERYBODY)
        # Each message and each reply changes its session, but few lists are open.
        if self._bus.is_heard(own) or self._bus.is_heard(EVERYBODY):
            self.read_session(session)

    def deleted(self, session: Session) -> None:
        """A session was deleted."""
        self._tell_others(session_topic(session.session_id))
        self._tell_deleted(user_topic(session.user_id), session.session_id)
        self.missing(session.session_id, session.user_id)
        for listener in (session.user_id, None):
            self._bus.publish(user_topic(listener), SessionDeleted(session.session_id, session.user_id))

    # Read from the database -------------------------------------------------------------------------------------------

    def rows(self, session_id: SessionId, user_id: UserId, last_seq: int) -> None:
        """Rows up to that `seq` were committed, here or elsewhere."""
        self._bus.publish(session_topic(session_id), RowsAdded(session_id, user_id, last_seq))

    def read_change(self, message: Message) -> None:
        """As `changed`."""
        if message.id in self._changed and self._changed[message.id] == message.changed_at:
            return
        _remember(self._changed, message.id, message.changed_at)
        self._bus.publish(session_topic(message.session_id), MessageChanged(message))

    def read_turn(self, changed: TurnChanged) -> None:
        """As `turn`."""
        if _rank(changed) > self._turns.get(changed.turn_id, OLDEST):
            self._publish(changed)

    def read_session(self, session: Session, *, again: bool = False) -> None:
        """As `session`. `again`: even if that was already published, for listeners who subscribed later."""
        # Two changes have the same time if the database's clock stepped back between them.
        news = (session.updated_at, session.title, session.message_count)
        told = self._sessions.get(session.session_id)
        if told is not None and (news[0] < told[0] or (news == told and not again)):
            return
        _remember(self._sessions, session.session_id, news)
        event = SessionChanged(session)
        self._bus.publish(user_topic(session.user_id), event)
        self._bus.publish(EVERYBODY, event)

    def missing(self, session_id: SessionId, user_id: UserId | None = None) -> None:
        """A session that somebody follows no longer exists; its owner is unknown if it was deleted elsewhere."""
        self._sessions.pop(session_id, None)
        self._bus.publish(session_topic(session_id), SessionDeleted(session_id, user_id))

    def unlisted(self, session_id: SessionId, topics: Collection[str]) -> None:
        """A session of these lists no longer exists."""
        for topic in topics:
            self._bus.publish(topic, SessionDeleted(session_id, None))

    def _publish(self, changed: TurnChanged) -> None:
        _remember(self._turns, changed.turn_id, _rank(changed))
        self._bus.publish(session_topic(changed.session_id), changed)


def _rank(changed: TurnChanged) -> tuple[int, int]:
    # A turn waits after the attempt that asked; with the answer, the next attempt runs.
    return RANK[changed.status], 2 * changed.attempt + (changed.status == "waiting")


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
