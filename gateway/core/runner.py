"""Runs claimed turns: any number of sessions at once, one attempt after another, to exactly one recorded reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog

from gateway.core.announcer import Announcer
from gateway.core.attempt import Listener, Running
from gateway.core.background import Background
from gateway.core.callers import Callers
from gateway.core.draft import Draft
from gateway.core.events import TurnChanged
from gateway.core.fair_slots import FairSlots
from gateway.core.history import history
from gateway.core.live_turns import LiveTurns
from gateway.core.lulls import Lulls
from gateway.core.metrics import COST, RUNNING, TOKENS, TURN_SECONDS, TURNS, WAITING
from gateway.core.model import AgentName, ChannelName, Reply, Turn, TurnId, Usage
from gateway.core.outbox import Outbox
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.ports.channels import Channel
from gateway.core.ports.state import StateStore
from gateway.core.ports.turns import Finished, Lease, TurnStore
from gateway.core.presence import typing_shown
from gateway.core.replies import Replies
from gateway.core.retries import insist
from gateway.core.shares import Claim
from gateway.errors import AgentError, ErrorClass, GatewayError, LeaseLost

log = structlog.get_logger(__name__)

RETRY_PAUSE_S = 0.5
STOP_S = 1.0
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class RunnerParts:
    """What turns are run with. `live`: is told which turns wait; `slots`: for turns that run at the same time; `callers`: where visitors write from."""

    agents: Mapping[AgentName, Agent]
    terms: Mapping[AgentName, TurnTerms]
    channels: Mapping[ChannelName, Channel]
    turns: TurnStore
    outbox: Outbox
    lease: Lease
    announcer: Announcer
    live: LiveTurns
    slots: FairSlots
    callers: Callers
    lulls: Lulls
    max_attempts: int
    max_reply: int
    states: StateStore
    max_state: int
    cancelled_elsewhere: Callable[[], None]
    """Called when a turn is cancelled that does not run here; must not block."""
    after: Callable[[Turn, Finished], None]
    """Called when a turn has ended and was announced; must not block."""


class Runner:
    """The only place where agents are called."""

    def __init__(self, parts: RunnerParts) -> None:
        self._parts = parts
        self._running: dict[TurnId, Running] = {}
        self._slots = parts.slots
        self._work = Background()
        self._listener = Listener(parts.announcer)
        self._replies = Replies(parts.channels)

    @property
    def running(self) -> tuple[TurnId, ...]:
        """Turns that this replica holds now."""
        return tuple(self._running)

    def turn_of(self, task: asyncio.Task[object]) -> Turn | None:
        """The turn whose agent runs in that task; may be asked from any thread."""
        return self._listener.hearing.get(task)

    def start(self, turn: Turn, *, renew: bool = False) -> None:
        """Runs a turn that was claimed for this replica; one that runs already goes on, and a later claim waits behind it.

        `renew`: the claim may be old news, so it is looked at again first.
        """
        entry = self._running.get(turn.turn_id)
        if entry is not None:
            if turn.epoch > entry.epoch:
                entry.newer = turn
            return
        entry = self._running[turn.turn_id] = Running(
            turn.epoch, self._parts.lease.term, cancelled=turn.cancel_requested
        )
        self._work.start(self._serve(turn, entry, renew=renew), f"turn {turn.turn_id}")

    def cancel(self, turn_id: TurnId) -> None:
        """Ends the current attempt at once, wherever the turn runs; what was said so far is its reply."""
        if (entry := self._running.get(turn_id)) is not None:
            entry.cancel()
        else:
            self._parts.cancelled_elsewhere()

    async def drain(self, timeout: float) -> None:
        """Lets turns finish for at most `timeout` seconds, then hands the rest over to other replicas."""
        await self._work.settle(timeout)
        left = self.running
        await self._work.stop(STOP_S)
        if left:
            log.info("turns_handed_over", turns=len(left))
            await self._parts.turns.release(left)

    async def _serve(self, turn: Turn, entry: Running, *, renew: bool) -> None:
        finished: Finished | None = None
        try:
            # A process that was frozen wakes up with claims that another may have taken over.
            if renew or not self._parts.lease.alive() or self._parts.lease.term != entry.term:
                turn = await self._renewed(turn)
            claim = Claim(turn.user_id, self._parts.callers.address_of(turn.user_id), turn.agent)
            if not self._slots.try_take(claim):
                with WAITING.track_inprogress(), self._parts.live.waiting(turn):
                    # As claimed: whoever follows is shown that it waits.
                    self._parts.announcer.turn(
                        TurnChanged(turn.session_id, turn.user_id, turn.turn_id, "running", turn.attempt)
                    )
                    turn = await self._queued(turn, claim)
            RUNNING.inc()
            try:
                finished = await self._run(turn, entry)
            finally:
                RUNNING.dec()
                self._slots.release(claim)
        except LeaseLost as lost:
            log.info("turn_lost", turn=str(turn.turn_id), session=turn.session_id, reason=str(lost))
        finally:
            self._running.pop(turn.turn_id, None)
        if finished is not None and finished.next_turn is not None:
            self.start(finished.next_turn)
        elif finished is None and entry.newer is not None:
            self.start(entry.newer)

    async def _renewed(self, turn: Turn) -> Turn:
        return await insist(partial(self._parts.turns.begin_attempt, turn, counts=False))

    async def _queued(self, turn: Turn, claim: Claim) -> Turn:
        """Waits for a slot, and keeps the turn's lease fresh meanwhile: other replicas steal what is late."""
        patience = self._terms(turn).timeout.total_seconds() / 2
        place = self._slots.line_up(claim)
        try:
            while not await place.comes(patience):
                turn = await self._renewed(turn)
            return await self._renewed(turn)
        except BaseException:
            place.leave()
            raise

    def _terms(self, turn: Turn) -> TurnTerms:
        return self._parts.terms.get(turn.agent, TurnTerms())

    async def _run(self, turn: Turn, entry: Running) -> Finished:
        begun = time.monotonic()
        log.debug(
            "turn_started", turn=str(turn.turn_id), session=turn.session_id, agent=turn.agent, attempt=turn.attempt
        )
        with self._parts.lulls.turn(turn.agent):
            if not turn.deliver_to:
                turn, reply = await self._attempts(turn, entry)
            else:
                async with typing_shown(self._parts.channels, turn.deliver_to):
                    turn, reply = await self._attempts(turn, entry)
        # What is to be sent then is known to be ours as of now; the answer may take its time.
        term = self._parts.outbox.term
        finished = await self._keep(turn, reply)
        TURNS.labels(turn.agent, finished.status).inc()
        TURN_SECONDS.labels(turn.agent).observe(time.monotonic() - begun)
        _count(turn.agent, reply.usage)
        self._announce(turn, finished)
        self._parts.after(turn, finished)
        self._parts.outbox.send(finished.outbox, term)
        return finished

    async def _attempts(self, turn: Turn, entry: Running) -> tuple[Turn, Reply]:
        """One attempt after another until there is a reply; the turn as it was claimed last."""
        draft = Draft(self._parts.max_reply, self._parts.max_state)
        error = "every earlier attempt ended with its replica"
        error_class: ErrorClass = "agent_error"
        while turn.attempt <= self._parts.max_attempts and not entry.cancelled:
            self._say(turn)
            draft = Draft(self._parts.max_reply, self._parts.max_state)
            try:
                return turn, await self._attempt(turn, entry, draft)
            except AgentError as failure:
                error, error_class = str(failure), failure.error_class
                log.warning("turn_attempt_failed", turn=str(turn.turn_id), attempt=turn.attempt, reason=error)
                if not failure.retryable:
                    break
            if turn.attempt == self._parts.max_attempts:
                break
            await self._pause(turn, entry)
            if not entry.cancelled:
                turn = await insist(partial(self._parts.turns.begin_attempt, turn))
                if turn.cancel_requested:
                    entry.cancel()
        if entry.cancelled:
            return turn, self._replies.of(turn, draft, cancelled=True)
        log.error("turn_failed", turn=str(turn.turn_id), session=turn.session_id, attempts=turn.attempt, reason=error)
        return turn, self._replies.apology(turn, draft.usage, error, error_class)

    async def _attempt(self, turn: Turn, entry: Running, draft: Draft) -> Reply:
        """Raises `AgentError` for whatever goes wrong with the agent, its time included."""
        agent = self._parts.agents.get(turn.agent)
        if agent is None:
            raise AgentError(
                f"There is no agent {turn.agent} in the settings.", retryable=False, error_class="misconfigured"
            )
        turn = replace(turn, history=history(turn.history, apologies=self._terms(turn).apologies))
        turn = await self._with_state(turn)
        if not entry.cancelled:
            await self._hear(agent, turn, entry, draft)
        reply = self._replies.of(turn, draft, cancelled=entry.cancelled)
        if not reply.parts:
            raise AgentError("The agent answered nothing.", retryable=False)
        if draft.state.refused is not None:
            _tell_refused(turn, draft.state.refused)
        return reply

    async def _hear(self, agent: Agent, turn: Turn, entry: Running, draft: Draft) -> None:
        try:
            await self._listener.listen(agent, turn, entry, draft, self._terms(turn).timeout.total_seconds())
        except TimeoutError as error:
            if not entry.cancelled:
                raise AgentError("The agent took too long.", error_class="timeout") from error
        except AgentError:
            raise
        except Exception as error:
            log.warning("agent_raised", turn=str(turn.turn_id), agent=turn.agent, exc_info=error)
            raise AgentError(f"The agent failed: {type(error).__name__}: {error}") from error

    async def _with_state(self, turn: Turn) -> Turn:
        if not self._terms(turn).state:
            return turn
        return replace(turn, state=await insist(partial(self._parts.states.of_turn, turn.chat_id, turn.user_id)))

    async def _pause(self, turn: Turn, entry: Running) -> None:
        try:
            async with asyncio.timeout(min(RETRY_PAUSE_S * 2 ** (turn.attempt - 1), LONGEST_PAUSE_S)) as limit:
                entry.limit = limit
                await asyncio.Event().wait()
        except TimeoutError:
            entry.limit = None

    async def _keep(self, turn: Turn, reply: Reply) -> Finished:
        """T2; of a reply that the store cannot take, an apology is kept instead."""
        try:
            return await self._finish(turn, reply)
        except GatewayError:
            raise
        except Exception as error:
            log.exception("reply_not_kept", turn=str(turn.turn_id), session=turn.session_id)
            apology = self._replies.apology(
                turn, reply.usage, f"The reply could not be kept: {type(error).__name__}: {error}"
            )
            return await self._finish(turn, apology)

    async def _finish(self, turn: Turn, reply: Reply) -> Finished:
        # The result is worth keeping for as long as this process lives: T2 recognises its own repetition.
        held = self._parts.outbox.held_for({address for address, _ in reply.chunks}) if reply.chunks else ()
        return await insist(partial(self._parts.turns.finish, turn, reply, held))

    def _say(self, turn: Turn) -> None:
        self._parts.announcer.begins(turn)

    def _announce(self, turn: Turn, finished: Finished) -> None:
        log.info(
            "turn_ended", turn=str(turn.turn_id), session=turn.session_id, status=finished.status, attempts=turn.attempt
        )
        if finished.state_refused is not None:
            _tell_refused(turn, finished.state_refused)
        announcer = self._parts.announcer
        for message in finished.dropped:
            announcer.changed(message)
        announcer.message(finished.message)
        ended = TurnChanged(
            turn.session_id, turn.user_id, turn.turn_id, finished.status, turn.attempt, finished.message.seq
        )
        announcer.turn(ended)
        announcer.session(finished.session)


def _count(agent: AgentName, usage: Usage | None) -> None:
    if usage is None:
        return
    TOKENS.labels(agent, "input").inc(usage.input_tokens)
    TOKENS.labels(agent, "output").inc(usage.output_tokens)
    if usage.cost is not None:
        COST.labels(agent).inc(usage.cost)


def _tell_refused(turn: Turn, reason: str) -> None:
    log.warning(
        "state_change_refused", turn=str(turn.turn_id), session=turn.session_id, agent=turn.agent, reason=reason
    )
