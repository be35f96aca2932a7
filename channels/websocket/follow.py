"""One socket following one session: every row once, ascending, without gaps; the rest as it happens."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from channels.websocket import news
from channels.websocket.outgoing import Outgoing
from channels.websocket.parts import Parts
from gateway.core.events import (
    LiveEvent,
    MessageAdded,
    MessageChanged,
    Progress,
    RowsAdded,
    SessionChanged,
    SessionDeleted,
    TurnChanged,
)
from gateway.core.model import Message, Session, TurnId, TurnStatus, UserId
from gateway.core.ports.live import session_topic
from gateway.errors import NotFound, StoreUnavailable

PAGE = 50
"""Rows read at once; a row can hold a million characters."""
RETRY_S = 0.5
RETRY_MAX_S = 5.0


class Follow:
    """Begins to hear at once. Rows missed before, or in between, are read when `catch_up` or an event says so.

    Ends by itself, and tells the client so, when the session is deleted or another user's by now.

    `sent`: the `seq` of the last row the client has; `recall`: it was away, and may have some that were deleted since. `reader`: whose rights the reads have; None is an operator's.
    `over`: it has ended by itself.
    """

    __slots__ = (
        "_changes",
        "_ended_turns",
        "_known",
        "_looking",
        "_outgoing",
        "_parts",
        "_reader",
        "_reading",
        "_recall",
        "_stop",
        "over",
        "sent",
        "session",
    )

    def __init__(
        self,
        session: Session,
        reader: UserId | None,
        sent: int,
        parts: Parts,
        outgoing: Outgoing,
        *,
        recall: bool = False,
    ) -> None:
        self.session = session
        self.sent = sent
        self.over = False
        self._recall = recall
        self._reader = reader
        self._parts = parts
        self._outgoing = outgoing
        self._known = sent
        self._reading: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._changes: list[Message] = []
        self._ended_turns: set[TurnId] | None = None
        self._stop = parts.bus.subscribe(session_topic(session.session_id), self._hear)

    def catch_up(self) -> None:
        """Reads the rows after `sent`, unless that is going on already."""
        if self._reading is None:
            self._reading = self._parts.tasks.start(self._read_on(), "websocket catch-up")

    async def tell_open_turns(self) -> None:
        """Sends `turn` frames of what is queued or running, for clients that came in the middle of it."""
        self._ended_turns = set()
        turns = await self._parts.sessions.open_turns(self.session.session_id, self._reader)
        ended, self._ended_turns = self._ended_turns, None
        for number, turn_id in enumerate(turns):
            if turn_id not in ended:
                status: TurnStatus = "queued" if number else "running"
                self._outgoing.put(news.open_turn(turn_id, self.session.session_id, status, 0))

    def end(self) -> None:
        """Hears and reads no more."""
        self._stop()
        if self._looking is not None and self._looking is not asyncio.current_task():
            self._looking.cancel()
        if self._reading is not None:
            self._changes.clear()
            self._reading.cancel()

    def _hear(self, event: LiveEvent) -> None:
        if isinstance(event, SessionDeleted):
            self._deleted()
        elif event.user_id == self.session.user_id or self._goes_over(event.user_id):
            self._tell(event)

    def _tell(self, event: LiveEvent) -> None:
        match event:
            case Progress():
                self._outgoing.put(news.progress(event))
            case MessageAdded(message):
                self._added(message)
            case TurnChanged():
                self._turned(event)
            case RowsAdded(last_seq=last_seq):
                self._expect(last_seq)
            case MessageChanged(message):
                self._changed(message)
            case SessionChanged() | SessionDeleted():
                return  # told to those who watch the list, or before

    def _goes_over(self, user_id: UserId) -> bool:
        """The session is that user's now: its visitor was identified. Only an operator goes on hearing of it.

        Late news of the visitor reach the user as well, so whose the session is by now is looked up.
        """
        if self._reader is None:
            self.session = replace(self.session, user_id=user_id)
            return True
        if self._looking is None:
            self._looking = self._parts.tasks.start(self._look(), "websocket owner")
        return False

    async def _look(self) -> None:
        try:
            async with self._parts.door.reads:
                await self._parts.sessions.get(self.session.session_id, self._reader)
        except NotFound:
            self._end_itself(news.error("not_found", "There is no such session."))
        except StoreUnavailable:
            return  # the next event asks again
        finally:
            self._looking = None

    def _deleted(self) -> None:
        self._end_itself(news.session_deleted(self.session.session_id))

    def _end_itself(self, last: bytes) -> None:
        self.over = True
        self.end()
        self._outgoing.put(last)

    def _turned(self, event: TurnChanged) -> None:
        if self._ended_turns is not None and event.status not in {"queued", "running"}:
            self._ended_turns.add(event.turn_id)
        self._outgoing.put(news.turn(event))

    def _added(self, message: Message) -> None:
        if self._reading is None and message.seq == self.sent + 1:
            self._send(message)
        else:
            self._expect(message.seq)

    def _expect(self, seq: int) -> None:
        self._known = max(self._known, seq)
        if self._known > self.sent:
            self.catch_up()

    def _changed(self, message: Message) -> None:
        # A page read before the change may still be on its way out: the change is told after it.
        if self._reading is None:
            self._outgoing.put(news.message_changed(message))
        else:
            self._changes.append(message)

    def _send(self, message: Message) -> None:
        self.sent = message.seq
        self._known = max(self._known, message.seq)
        self._outgoing.put(news.message(message))

    async def _read_on(self) -> None:
        pause = RETRY_S
        try:
            while True:
                try:
                    await self._read_pages()
                    return
                except StoreUnavailable:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, RETRY_MAX_S)
        except NotFound:
            self._reading = None
            self._deleted()
        finally:
            self._reading = None
            self._tell_changes()

    async def _read_pages(self) -> None:
        while True:
            await self._outgoing.room()
            announced = self._known
            async with self._parts.door.reads:
                told = await self._parts.messages.after(
                    self.session.session_id, self._reader, self.sent, PAGE, recall=self._recall
                )
            self._recall = False
            rows = [row for row in told if row.seq > self.sent]
            for row in told:
                await self._outgoing.room()
                if row.seq > self.sent:
                    self._send(row)
                else:
                    self._outgoing.put(news.message_changed(row))
            if not rows and self._known == announced:
                # What was announced before the query and cannot be read is gone with its session.
                self._known = self.sent
            if len(rows) < PAGE and self._known <= self.sent:
                return

    def _tell_changes(self) -> None:
        changes, self._changes = self._changes, []
        for message in changes:
            self._outgoing.put(news.message_changed(message))
