"""Following one turn to its end: what was said, what is said, and the row that is left of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.api.ai_sdk.message_stream import UiMessageStream
from gateway.api.parts import ApiParts
from gateway.core.events import LiveEvent, MessageAdded, Progress, RowsAdded, SessionDeleted, TurnChanged
from gateway.core.live.live_turns import LiveAttempt
from gateway.core.model import JsonObject, Message, SessionId, TurnId, TurnStatus, UserId
from gateway.core.ports.live import session_topic
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.errors import NotFound, StoreUnavailable

OPEN = frozenset({"queued", "running"})
TICK_S = 1.0
LOOK_S = 2.0
"""How often the database is asked about a turn that nothing is heard of …"""
LOOK_WHEN_HEARD_S = 5.0
"""… and of one that is heard of here, and whose end will be too."""
GONE = "There will be no answer: the conversation was deleted."


class Shape(Protocol):
    """How an answer is told to one caller: takes what is heard of its turn, and answers the chunks to send."""

    def turned(self, status: TurnStatus, attempt: int, *, elsewhere: bool = False) -> None:
        """The turn's status, while it is open. `elsewhere`: it runs on another replica, and its text comes with the final row."""
        ...

    def read(self, said: LiveAttempt) -> None:
        """What an attempt has said so far; asked again as it grows."""
        ...

    def conclude(self, outcome: TurnOutcome) -> None:
        """The final row; called last, and once. From the bus it comes without its usage."""
        ...

    def vanish(self, reason: str) -> None:
        """The turn is gone, and no row of it will come; called last."""
        ...

    def take(self) -> Sequence[JsonObject]:
        """The chunks that came together since it was asked last."""
        ...


@dataclass(frozen=True, slots=True)
class FollowedTurn:
    """A turn as it is known when somebody begins to follow it.

    `user_id`: whose it is. `metadata`: told at the start. `claimed`: whether this replica has just claimed it.
    """

    turn_id: TurnId
    session_id: SessionId
    user_id: UserId
    status: TurnStatus
    attempt: int
    metadata: JsonObject = field(default_factory=dict)
    claimed: bool = False


@dataclass(slots=True)
class TurnNews:
    """What the bus says of a user's turn. `look`: something happened that may have been its end, on another replica."""

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
            # The session is somebody else's by now: what may still be read, the database says.
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
        """How the turn ended, once its end was heard whole; why one failed, only the database says."""
        if self.reply is None or self.status in OPEN or self.status == "failed":
            return None
        return TurnOutcome(self.status, self.reply)


class TurnFollower:
    """One caller's way through a turn. `ended`: the answer is shown whole, or will not come."""

    def __init__(self, parts: ApiParts, turn: FollowedTurn, shape: Shape | None = None) -> None:
        self._parts = parts
        self._turn = turn
        self._shown = shape or UiMessageStream(turn.turn_id, turn.session_id, turn.metadata)
        self.ear = TurnNews(turn.turn_id, turn.user_id, turn.status, turn.attempt)
        self.ear.look = self._said() is None
        self._elsewhere = self.ear.look and not turn.claimed
        self.ended = False
        self._looked = time.monotonic()

    def listen(self) -> Sequence[JsonObject]:
        """What there is to send now."""
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
        """Asks the database for the turn's end, when that is due; while it is away, what is heard goes on."""
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


async def follow_turn(
    parts: ApiParts, turn: FollowedTurn, shape: Shape | None = None
) -> AsyncGenerator[Sequence[JsonObject]]:
    """The chunks of the turn's answer from its beginning to its end; an empty batch at least every second.

    `shape`: what makes the chunks, a UI message stream unless it is named.

    Subscribes before it reads what was said, and everything happens in one event loop: nothing is missed or told twice.
    """
    follower = TurnFollower(parts, turn, shape)
    forget = parts.live.subscribe(session_topic(turn.session_id), follower.ear.hear)
    try:
        while not follower.ended:
            yield follower.listen()
            yield await follower.look()
            if not follower.ended:
                await _heard(follower.ear.heard)
    finally:
        forget()


async def _heard(event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(TICK_S):
            await event.wait()
    except TimeoutError:
        return
