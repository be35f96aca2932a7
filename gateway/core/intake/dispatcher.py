"""The only way in: messages from every channel are stored, acknowledged, announced and run here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog

from gateway.core.content.storable import require_storable
from gateway.core.events import LiveEvent, TurnChanged
from gateway.core.inbound import InboundMessage
from gateway.core.intake.commands import Commands
from gateway.core.live.announcer import Announcer
from gateway.core.measuring.metrics import messages_taken
from gateway.core.model import AgentName, SessionId, TurnId, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.live import EventBus, session_topic
from gateway.core.ports.sessions.sessions import MessageStore, TurnOutcome
from gateway.core.ports.turns import Acceptance, TurnStore
from gateway.core.service import Acknowledge, Notice
from gateway.core.tasks.background import settle
from gateway.core.tasks.retries import retry_for_caller
from gateway.core.tasks.waiting import happens
from gateway.core.turns.runner import Runner
from gateway.errors import InvalidInput, NotFound, StoreUnavailable, TooLarge

log = structlog.get_logger(__name__)

KEY_LIMIT = 128
BUSY = "An answer is being written. Please wait for it, or stop it with /stop."
FULL = "Too many messages are waiting for an answer here. This one was not accepted; please send it again later."
STOPPING = (
    "The gateway is stopping, and this message may or may not have been saved. Send it again: it is accepted only once."
)
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class DispatcherParts:
    """What the dispatcher needs. `alive`: returns False while this replica may not acknowledge anything.

    `resume`: continues turns that nobody owns.
    """

    turns: TurnStore
    messages: MessageStore
    commands: Commands
    runner: Runner
    resume: Callable[[], None]
    bus: EventBus
    announcer: Announcer
    terms: Mapping[AgentName, TurnTerms]
    alive: Callable[[], bool]
    max_text: int


class Dispatcher:
    """`Intake` for every channel."""

    def __init__(self, parts: DispatcherParts) -> None:
        self._parts = parts

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        # The sender may disconnect in the meantime. A stored message is announced and run all the same, and a command is completed.
        return await self._parts.runner.work.answering(partial(self._take_in, message, acknowledge), "message")

    async def _take_in(
        self, message: InboundMessage, acknowledge: Acknowledge | None, answered: asyncio.Future[Acceptance | Notice]
    ) -> None:
        """Stores the message, answers the caller, and continues with its turn in the same task."""
        try:
            answer = await self._accept(message, acknowledge)
        except asyncio.CancelledError:
            raise StoreUnavailable(STOPPING) from None
        settle(answered, answer)
        if isinstance(answer, Acceptance) and answer.turn is not None:
            if answered.cancelled():
                # The sender has gone: nobody would see this task fail.
                self._parts.runner.start(answer.turn, renew=_is_old(answer))
            else:
                await self._parts.runner.run(answer.turn, renew=_is_old(answer))

    async def _accept(self, message: InboundMessage, acknowledge: Acknowledge | None) -> Acceptance | Notice:
        check_message(message, self._parts.max_text)
        terms = self._parts.terms.get(message.agent)
        if terms is None:
            raise NotFound(f"There is no agent {message.agent}. There are: {', '.join(self._parts.terms)}.")
        self._check_alive()
        command = message.command
        if command is not None and command.begins_with_message:
            message = replace(message, text=command.rest, command=None, session_id=None, begins_session=True)
        elif command is not None and not await self._parts.messages.taken(message):
            return await self._parts.commands.run(command, message)
        return await self._take(message, terms, acknowledge)

    async def _take(
        self, message: InboundMessage, terms: TurnTerms, acknowledge: Acknowledge | None
    ) -> Acceptance | Notice:
        accepted = await retry_for_caller(partial(self._store, message, terms))
        messages_taken(message.channel, accepted.status).inc()
        if accepted.status == "rejected":
            return Notice(BUSY, refused="busy")
        if accepted.status == "full":
            return Notice(FULL, refused="full")
        try:
            if acknowledge is not None:
                acknowledge(accepted)
        except BaseException:
            # The message is durable whether or not the channel could be told.
            self.adopt(accepted)
            raise
        self._announce(accepted)
        return accepted

    async def _store(self, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        # Before each try: a replica whose lease has lapsed in the meantime would claim a turn that another takes away at once.
        self._check_alive()
        return await self._parts.turns.accept(message, terms)

    def _check_alive(self) -> None:
        if not self._parts.alive():
            raise StoreUnavailable(
                "The gateway is starting, stopping, or without its database; nothing was saved. Try again in a moment."
            )

    def adopt(self, accepted: Acceptance) -> None:
        self._announce(accepted)
        if accepted.turn is not None:
            self._parts.runner.start(accepted.turn, renew=_is_old(accepted))

    def _announce(self, accepted: Acceptance) -> None:
        announcer = self._parts.announcer
        if accepted.status == "accepted" and accepted.message is not None and accepted.session is not None:
            session = accepted.session
            announcer.message(accepted.message)
            announcer.session(session)
            if accepted.question is not None:
                announcer.changed(accepted.question)
                self._parts.resume()
            if accepted.turn_id is not None and accepted.turn_status == "queued":
                announcer.turn(TurnChanged(session.session_id, session.user_id, accepted.turn_id, "queued", 0))
        for turn_id in accepted.superseded:
            self._parts.runner.cancel(turn_id)

    async def cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        await self._parts.turns.request_cancel(turn_id, user_id)
        self._parts.runner.cancel(turn_id)

    async def wait(
        self, turn_id: TurnId, session_id: SessionId, user_id: UserId | None, timeout: float
    ) -> TurnOutcome | None:
        ended = asyncio.Event()

        def hear(event: LiveEvent) -> None:
            if (
                isinstance(event, TurnChanged)
                and event.turn_id == turn_id
                and event.status not in {"queued", "running"}
            ):
                ended.set()

        forget = self._parts.bus.subscribe(session_topic(session_id), hear)
        deadline = time.monotonic() + timeout
        try:
            while True:
                outcome = await self._parts.messages.outcome(turn_id, user_id)
                left = deadline - time.monotonic()
                if outcome is not None or left <= 0:
                    return outcome
                # The turn may run on another replica, so check the store now and then, even without an event.
                await happens(ended, min(left, LOOK_EVERY_S))
        finally:
            forget()


def _is_old(accepted: Acceptance) -> bool:
    """Whether to reread the turn before running it: what the store reported for a duplicate may be out of date."""
    return accepted.status == "duplicate"


def check_message(message: InboundMessage, max_text: int) -> None:
    """Raises `InvalidInput` or `TooLarge` for a message that cannot be stored."""
    check_text(message.text, max_text)
    if not 1 <= len(message.key) <= KEY_LIMIT:
        raise InvalidInput(f"id should have 1 to {KEY_LIMIT} characters.")
    require_storable(message.key, "id")


def check_text(text: str, max_text: int) -> None:
    """Raises `InvalidInput` or `TooLarge` for a text that cannot be stored."""
    if not text.strip():
        raise InvalidInput("text should not be empty.")
    if len(text) > max_text:
        raise TooLarge(f"text has {len(text)} characters; the limit is {max_text}.")
    require_storable(text, "text")
