"""One socket following one session: every row once, ascending, without gaps; other events as they happen."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from channels.websocket import server_frames
from channels.websocket.outgoing import Outgoing
from channels.websocket.parts import Parts
from gateway.core.events import (
    LiveEvent,
    MessageAdded,
    MessageChanged,
    Progress,
    RowsAdded,
    SessionDeleted,
    TurnChanged,
)
from gateway.core.model import Message, Session, TurnId, UserId
from gateway.core.ports.live import session_topic
from gateway.core.ports.sessions.sessions import OpenTurn
from gateway.errors import NotFound, StoreUnavailable

PAGE = 50
"""Rows per query; a row can contain a million characters."""
OPEN = frozenset({"queued", "running"})
RETRY_S = 0.5
RETRY_MAX_S = 5.0


class Follow:
    """Subscribes at once. Rows missed before, or in between, are read when `join` or an event asks for them.

    Turns that ended before the follow started are not announced. For a running turn it sends the text so far as one delta, then the
    rest as it arrives; if the beginning is unknown, it sends no deltas: the row will contain everything.

    Ends by itself, and tells the client so, when the session is deleted or given to another user.

    `sent`: the `seq` of the client's last row; `recall`: the client was away and may have rows that were deleted since. `reader`: whose
    rights the reads have; None is an operator's. `over`: it has ended by itself.
    """

    __slots__ = (
        "_changes",
        "_ended_turns",
        "_heard",
        "_joined_at",
        "_known",
        "_looking",
        "_outgoing",
        "_parts",
        "_reader",
        "_reading",
        "_recall",
        "_stop",
        "_turns_due",
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
        self._joined_at = session.last_seq
        self._heard: dict[TurnId, int] = {}  # attempts whose deltas the client has from the beginning
        self._turns_due = False
        self._reading: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._changes: list[Message] = []
        self._ended_turns: set[TurnId] | None = None
        self._stop = parts.live.subscribe(session_topic(session.session_id), self._hear)

    def join(self, *, running: bool) -> None:
        """Sends a joining client the rows after `sent`, then open turns, if any, and what they have said so far."""
        self._turns_due = self._turns_due or running
        self._catch_up()

    def restart(self) -> None:
        """The client has received `ready`, and discards the deltas it had."""
        self._heard.clear()

    def end(self) -> None:
        """Stops receiving and reading."""
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
        """Omitted events were or will be sent as events of the turn, or to those who watch the list."""
        if isinstance(event, MessageAdded):
            self._added(event.message)
        elif isinstance(event, TurnChanged):
            self._turned(event)
        elif isinstance(event, Progress):
            self._progressed(event)
        elif isinstance(event, RowsAdded):
            self._expect(event.last_seq)
        elif isinstance(event, MessageChanged):
            self._changed(event.message)

    def _goes_over(self, user_id: UserId) -> bool:
        """The session belongs to that user now: its visitor was identified. Only an operator still receives its events.

        Late events of the visitor reach the user as well, so the current owner is looked up.
        """
        if self._reader is None:
            self.session = replace(self.session, user_id=user_id)
            return True
        if self._looking is None:
            self._looking = self._parts.tasks.start(self._look(), "websocket owner")
        return False

    async def _look(self) -> None:
        try:
            async with self._parts.admission.reading(self._reader):
                await self._parts.sessions.get(self.session.session_id, self._reader)
        except NotFound:
            self._end_itself(server_frames.error("not_found", "There is no such session."))
        except StoreUnavailable:
            return  # the next event tries again
        finally:
            self._looking = None

    def _deleted(self) -> None:
        self._end_itself(server_frames.session_deleted(self.session.session_id))

    def _end_itself(self, last: bytes) -> None:
        self.over = True
        self.end()
        self._outgoing.put(last)

    def _turned(self, event: TurnChanged) -> None:
        if event.status not in OPEN:
            self._heard.pop(event.turn_id, None)
            if self._ended_turns is not None:
                self._ended_turns.add(event.turn_id)
        elsewhere = False
        if event.status == "running":
            if self._parts.live.waits(event.turn_id, event.attempt):
                # The database reports this for every claimed turn.
                event = replace(event, status="queued")
            else:
                elsewhere = self._parts.live.said(event.turn_id) is None
        if event.reply_seq is None or event.reply_seq > self._joined_at:
            frame = server_frames.turn(event, elsewhere=elsewhere)
            if event.status == "running":
                self._outgoing.put_soon(frame)  # the first words may be sent together with it
            else:
                self._outgoing.put(frame)

    def _progressed(self, event: Progress) -> None:
        if self._heard.get(event.turn_id) == event.attempt:
            self._outgoing.put_soon(self._parts.shared.progress(event))
        else:
            self._tell_said(event.turn_id, event.attempt)

    def _tell_said(self, turn_id: TurnId, attempt: int) -> None:
        """Sends everything the attempt has said, including the latest event, which is recorded before it is published."""
        said = self._parts.live.said(turn_id)
        if said is not None and said.attempt == attempt and self._heard.get(turn_id) != attempt:
            self._heard[turn_id] = attempt
            for frame in server_frames.said_so_far(turn_id, said):
                self._outgoing.put_soon(frame)

    async def _tell_open_turns(self) -> None:
        self._ended_turns = set()
        async with self._parts.admission.reading(self._reader):
            turns = await self._parts.sessions.open_turns(self.session.session_id, self._reader)
        self._turns_due = False
        ended, self._ended_turns = self._ended_turns, None
        for turn in turns:
            if turn.turn_id not in ended:
                self._tell_open(turn)

    def _tell_open(self, turn: OpenTurn) -> None:
        said = self._parts.live.said(turn.turn_id)
        elsewhere = turn.status == "running"
        if said is not None and said.attempt >= turn.attempt:
            turn, elsewhere = replace(turn, status="running", attempt=said.attempt), False
        elif self._parts.live.waits(turn.turn_id, turn.attempt):
            turn, elsewhere = replace(turn, status="queued"), False
        frame = server_frames.open_turn(
            turn.turn_id, self.session.session_id, turn.status, turn.attempt, elsewhere=elsewhere
        )
        self._outgoing.put(frame)
        self._tell_said(turn.turn_id, turn.attempt)

    def _added(self, message: Message) -> None:
        if self._reading is None and message.seq == self.sent + 1:
            self._send(message)
        else:
            self._expect(message.seq)

    def _expect(self, seq: int) -> None:
        self._known = max(self._known, seq)
        if self._known > self.sent:
            self._catch_up()

    def _changed(self, message: Message) -> None:
        # A page read before the change may still be waiting to be sent: the change is sent after it.
        if self._reading is None:
            self._outgoing.put(server_frames.message_changed(message))
        else:
            self._changes.append(message)

    def _send(self, message: Message) -> None:
        self.sent = message.seq
        self._known = max(self._known, message.seq)
        self._outgoing.put(self._parts.shared.message(message))

    def _catch_up(self) -> None:
        """Reads missing rows, unless that is under way."""
        if self._reading is None:
            self._reading = self._parts.tasks.start(self._read_on(), "websocket catch-up")

    async def _read_on(self) -> None:
        pause = RETRY_S
        try:
            while True:
                try:
                    await self._read_pages()
                    if self._turns_due:
                        await self._tell_open_turns()
                    if self._known <= self.sent:
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
            async with self._parts.admission.reading(self._reader):
                read = await self._parts.messages.after(
                    self.session.session_id, self._reader, self.sent, PAGE, recall=self._recall
                )
            self._recall = False
            rows = [row for row in read if row.seq > self.sent]
            for row in read:
                await self._outgoing.room()
                if row.seq > self.sent:
                    self._send(row)
                else:
                    self._outgoing.put(server_frames.message_changed(row))
            if not rows and self._known == announced:
                # What was announced before the query and cannot be read was deleted with its session.
                self._known = self.sent
            if len(rows) < PAGE and self._known <= self.sent:
                return

    def _tell_changes(self) -> None:
        changes, self._changes = self._changes, []
        for message in changes:
            self._outgoing.put(server_frames.message_changed(message))
