"""Follows one turn to its end: what was said so far, what follows, and the final row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.api.parts import ApiParts
from gateway.core.events import LiveEvent, MessageAdded, Progress, RowsAdded, SessionDeleted, TurnChanged
from gateway.core.live.live_turns import LiveAttempt
from gateway.core.model import JsonObject, Message, SessionId, TurnId, TurnStatus, UserId
from gateway.core.ports.live import session_topic
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.tasks.waiting import happens
from gateway.errors import NotFound, StoreUnavailable

OPEN = frozenset({"queued", "running"})
TICK_S = 1.0
LOOK_S = 2.0
"""Seconds between queries about a turn without events here …"""
LOOK_WHEN_HEARD_S = 5.0
"""… and about a turn with events here, whose end will arrive as one."""
GONE = "There will be no answer: the conversation was deleted."


class Shape(Protocol):
    """How an answer is shown to one caller: consumes the events of its turn, and returns the chunks to send."""

    def turned(self, status: TurnStatus, attempt: int, *, elsewhere: bool = False) -> None:
        """The turn's status, while it is open. `elsewhere`: it runs on another replica, and its text comes with the final row."""
        ...

    def read(self, said: LiveAttempt) -> None:
        """What an attempt has said so far; called again as it grows."""
        ...

    def conclude(self, outcome: TurnOutcome) -> None:
        """The final row; called last, and once. From the bus it comes without its usage."""
        ...

    def vanish(self, reason: str) -> None:
        """The turn no longer exists, and neither will its row; called last."""
        ...

    def take(self) -> Sequence[JsonObject]:
        """Returns the chunks collected since the last call."""
        ...


@dataclass(frozen=True, slots=True)
class FollowedTurn:
    """A turn as known when a caller starts to follow it.

    `user_id`: its owner. `claimed`: whether this replica has just claimed it.
    """

    turn_id: TurnId
    session_id: SessionId
    user_id: UserId
    status: TurnStatus
    attempt: int
    claimed: bool = False


@dataclass(slots=True)
class TurnNews:
    """The events of a user's turn from the bus. `look`: something happened that may have been its end on another replica."""

    turn_id: TurnId
    user_id: UserId
    status: TurnStatus
    attempt: int
    reply: Message | None = None
    last_seq: int = 0
    look: bool = True
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, event: LiveEvent) -> None:
        if event.user_id != self.user_id:
            # The session belongs to another user by now: the database decides what may still be read.
            self.look = True
            self.heard.set()
            return
        match event:
            case TurnChanged(turn_id=self.turn_id):
                self.status, self.attempt = event.status, event.attempt
                self.look = self.look or event.status not in OPEN
            case MessageAdded(message) if message.turn_id == self.turn_id and message.role == "assistant":
                self.reply = message
            case RowsAdded(last_seq=last_seq) if last_seq > self.last_seq:
                self.last_seq, self.look = last_seq, True
            case Progress(turn_id=self.turn_id):
                pass
            case SessionDeleted():
                self.look = True
            case _:
                return
        self.heard.set()

    @property
    def outcome(self) -> TurnOutcome | None:
        """How the turn ended, if its end was received completely; only the database says why one failed."""
        if self.reply is None or self.status in OPEN or self.status == "failed":
            return None
        return TurnOutcome(self.status, self.reply)


class TurnFollower:
    """Follows a turn for one caller. `ended`: the answer is shown completely, or will not come."""

    def __init__(self, parts: ApiParts, turn: FollowedTurn, shape: Shape) -> None:
        self._parts = parts
        self._turn = turn
        self._shown = shape
        self.ear = TurnNews(turn.turn_id, turn.user_id, turn.status, turn.attempt)
        self.ear.look = self._said() is None
        self._elsewhere = self.ear.look and not turn.claimed
        self.ended = False
        self._looked = time.monotonic()

    def listen(self) -> Sequence[JsonObject]:
        """Returns what there is to send now."""
        ear = self.ear
        ear.heard.clear()
        said = self._said()
        if said is not None and ear.status in OPEN and ear.attempt < said.attempt:
            ear.status, ear.attempt = "running", said.attempt
        if ear.status in OPEN:
            self._tell_status(said)
        if said is not None:
            self._shown.read(said)
        self._conclude(ear.outcome)
        return self._shown.take()

    async def look(self) -> Sequence[JsonObject]:
        """Queries the database for the turn's end when that is due; while it is unavailable, events are still shown."""
        said = self._said()
        due = self._looked + (LOOK_S if said is None else LOOK_WHEN_HEARD_S)
        if self.ended or not (self.ear.look or time.monotonic() > due):
            return ()
        self.ear.look, self._looked = False, time.monotonic()
        try:
            self._conclude(await self._parts.messages.outcome(self._turn.turn_id, self._turn.user_id))
        except NotFound:
            self._shown.vanish(GONE)
            self.ended = True
        except StoreUnavailable:
            self.ear.look = True
        return self._shown.take()

    def _said(self) -> LiveAttempt | None:
        """What the current attempt has said, if it runs here."""
        said = self._parts.live.said(self._turn.turn_id)
        return None if said is None or said.attempt < self.ear.attempt else said

    def _tell_status(self, said: LiveAttempt | None) -> None:
        ear = self.ear
        if said is None and self._parts.live.waits(self._turn.turn_id, ear.attempt):
            self._shown.turned("queued", ear.attempt)
        else:
            self._shown.turned(ear.status, ear.attempt, elsewhere=said is None and self._runs_elsewhere())

    def _runs_elsewhere(self) -> bool:
        begun = self.ear.attempt > self._turn.attempt
        return self.ear.status == "running" and (begun or self._elsewhere)

    def _conclude(self, outcome: TurnOutcome | None) -> None:
        if outcome is not None:
            self._shown.conclude(outcome)
            self.ended = True


async def follow_turn(parts: ApiParts, turn: FollowedTurn, shape: Shape) -> AsyncGenerator[Sequence[JsonObject]]:
    """Yields the chunks of the turn's answer from beginning to end; an empty batch at least every second.

    Subscribes before reading what was said, all within one event loop: nothing is missed or shown twice.
    """
    follower = TurnFollower(parts, turn, shape)
    forget = parts.live.subscribe(session_topic(turn.session_id), follower.ear.hear)
    try:
        while not follower.ended:
            yield follower.listen()
            yield await follower.look()
            if not follower.ended:
                await happens(follower.ear.heard, TICK_S)
    finally:
        forget()
