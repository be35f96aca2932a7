"""Runs claimed turns: any number of sessions at once, each turn attempt by attempt, up to exactly one recorded reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from functools import partial

import structlog

from gateway.core.delivery.outbox import Outbox
from gateway.core.delivery.presence import show_typing
from gateway.core.limits.budgets import BudgetCheck
from gateway.core.live.announcer import Announcer
from gateway.core.measuring.metrics import FELL_BACK, RUNNING
from gateway.core.model import AgentName, ChannelName, Turn, TurnId, Usage
from gateway.core.outbound import Reply
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.ports.channels import Channel
from gateway.core.ports.pricing import Pricing
from gateway.core.ports.sessions.state import StateStore
from gateway.core.ports.turns import Finished, Lease, Question, Tenure, TurnStore
from gateway.core.tasks.background import Background
from gateway.core.tasks.retries import retry_until_answered
from gateway.core.titles.spare_capacity import SpareCapacity
from gateway.core.turns.attempt import Call, Listener, Over, Running, this_task
from gateway.core.turns.breakers import Breakers
from gateway.core.turns.conclusion import Conclusion, count_end, log_refused_state
from gateway.core.turns.draft import Draft
from gateway.core.turns.histories import history_for
from gateway.core.turns.replies import Replies
from gateway.core.turns.turn_slots import TurnSlots
from gateway.errors import AgentError, LeaseLost

log = structlog.get_logger(__name__)

USUAL = TurnTerms()
RETRY_PAUSE_S = 0.5
STOP_S = 1.0
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class RunnerParts:
    """What running turns needs."""

    agents: Mapping[AgentName, Agent]
    terms: Mapping[AgentName, TurnTerms]
    channels: Mapping[ChannelName, Channel]
    turns: TurnStore
    outbox: Outbox
    lease: Lease
    announcer: Announcer
    slots: TurnSlots
    spare_capacity: SpareCapacity
    max_attempts: int
    max_reply: int
    states: StateStore
    max_state: int
    cancelled_elsewhere: Callable[[], None]
    """Called when a turn that does not run here is cancelled; must not block."""
    pricing: Pricing
    budgets: BudgetCheck | None
    """None: there are none."""
    used: Callable[[], None]
    """Called when a turn with usage has ended; must not block."""
    after: Callable[[Turn, Finished], None]
    """Called when a turn has ended and was announced; must not block."""


class Runner:
    """The only place where agents are called."""

    def __init__(self, parts: RunnerParts) -> None:
        self._parts = parts
        self._running: dict[TurnId, Running] = {}
        self._slots = parts.slots
        self.work = Background()
        """The tasks of turns."""
        self._stopping = False
        self._listener = Listener(parts.announcer)
        self._replies = Replies(parts.channels)
        self._conclusion = Conclusion(parts.turns, parts.outbox, parts.announcer, self._replies)
        self._breakers = Breakers(parts.terms)

    @property
    def running(self) -> tuple[TurnId, ...]:
        """Turns that this replica holds now."""
        return tuple(self._running)

    def turn_of(self, task: asyncio.Task[None]) -> Turn | None:
        """Returns the turn whose agent runs in that task; may be called from any thread."""
        return self._listener.turn_of(task)

    def start(self, turn: Turn, *, renew: bool = False) -> None:
        """Runs a turn that was claimed for this replica; if it already runs, it continues, and the later claim waits for it.

        `renew`: the claim may be out of date, so it is checked again first.
        """
        if (entry := self._enter(turn)) is not None:
            self.work.start(self._supervised(turn, entry, self._begin(turn, entry, renew=renew)), _name(turn))

    async def run(self, turn: Turn, *, renew: bool = False) -> None:
        """Like `start`, in the caller's task, one of `work`. Returns when the agent has ended; the turn may continue in another task."""
        if (entry := self._enter(turn)) is not None:
            await self._supervised(turn, entry, self._begin(turn, entry, renew=renew))

    def _enter(self, turn: Turn) -> Running | None:
        entry = self._running.get(turn.turn_id)
        if entry is None:
            entry = self._running[turn.turn_id] = Running(
                turn.epoch, Tenure.of(self._parts.lease), cancelled=turn.cancel_requested
            )
            return entry
        if turn.epoch > entry.epoch:
            entry.newer = turn
        return None

    def cancel(self, turn_id: TurnId) -> None:
        """Ends the current attempt immediately, wherever the turn runs; the partial answer becomes its reply."""
        if (entry := self._running.get(turn_id)) is not None:
            entry.cancel()
        else:
            self._parts.cancelled_elsewhere()

    async def drain(self, timeout: float) -> None:
        """Lets turns finish for at most `timeout` seconds, then hands the rest over to other replicas."""
        await self.work.settle(timeout)
        left = self.running
        self._stopping = True
        await self.work.stop(STOP_S)
        if left:
            log.info("turns_handed_over", turns=len(left))
            await self._parts.turns.release(left)

    async def _supervised(self, turn: Turn, entry: Running, work: Coroutine[None, None, None]) -> None:
        """Runs a part of the turn, which ends with the turn or with the next part in another task."""
        entry.worker = me = this_task()
        try:
            await work
        except LeaseLost as lost:
            log.info("turn_lost", turn=str(turn.turn_id), session=turn.session_id, reason=str(lost))
            self._over(turn, entry)
        except BaseException:
            # An agent that was left behind no longer belongs to the turn.
            if entry.worker is me:
                self._over(turn, entry)
            raise

    def _over(self, turn: Turn, entry: Running, finished: Finished | None = None) -> None:
        entry.agent_ends()
        if entry.claim is not None:
            RUNNING.dec()
            self._slots.release(entry.claim)
            entry.claim = None
        self._running.pop(turn.turn_id, None)
        if finished is not None and finished.next_turn is not None:
            self.start(finished.next_turn)
        elif finished is None and entry.newer is not None and not self._stopping:
            self.start(entry.newer)

    async def _begin(self, turn: Turn, entry: Running, *, renew: bool) -> None:
        # Lets the channel write the ack first: an agent may block the loop from its first line.
        await asyncio.sleep(0)
        # A process that was frozen wakes up with claims that another replica may have taken over.
        if renew or not entry.tenure.holds():
            turn = await self._slots.renewed(turn)
        claim = self._slots.claim_of(turn)
        if not self._slots.try_take(claim):
            # Its lease is renewed in time: other replicas claim what is late.
            turn = await self._slots.wait(turn, claim, self._terms(turn).timeout.total_seconds() / 2)
        entry.claim = claim
        RUNNING.inc()
        entry.begun = time.monotonic()
        log.debug(
            "turn_started", turn=str(turn.turn_id), session=turn.session_id, agent=turn.agent, attempt=turn.attempt
        )
        entry.ends.append(self._parts.spare_capacity.begin_turn(turn.agent))
        if turn.deliver_to:
            entry.ends.append(show_typing(self._parts.channels, turn.deliver_to, self.work))
        if turn.counted_attempts > self._parts.max_attempts:
            await self._give_up(
                turn, entry, self._new_draft(turn.spent), AgentError("every earlier attempt ended when its replica did")
            )
        else:
            await self._attempt(turn, entry, self._new_draft(turn.spent))

    def _terms(self, turn: Turn) -> TurnTerms:
        return self._parts.terms.get(turn.agent, USUAL)

    def _new_draft(self, earlier: Usage | None = None) -> Draft:
        return Draft(self._parts.max_reply, self._parts.max_state, earlier)

    async def _attempt(self, turn: Turn, entry: Running, draft: Draft) -> None:
        """Calls the agent in this task; its outcome is handled in another."""
        if entry.cancelled:
            await self._conclude(turn, entry, self._replies.of(turn, draft, cancelled=True))
            return
        given = turn if entry.stand_in is None else replace(turn, agent=entry.stand_in, agent_session=None)
        budgets = self._parts.budgets
        if budgets is not None and (over := await self._over_budget(budgets, given)) is not None:
            await self._heard(turn, entry, draft, over)
            return
        self._parts.announcer.begins(turn)
        agent = self._callable(given.agent)
        if isinstance(agent, AgentError):
            await self._heard(turn, entry, draft, agent)
            return
        terms = self._terms(given)
        deadline = time.monotonic() + terms.timeout.total_seconds()
        prepared = given.prepared(history_for(agent, given, terms), deadline)
        if terms.state:
            prepared = await self._with_state(prepared)
        await self._call(agent, prepared, entry, draft, partial(self._ended, turn, entry, draft))

    def _callable(self, name: AgentName) -> Agent | AgentError:
        """Returns the agent, or why it cannot be called."""
        agent = self._parts.agents.get(name)
        if agent is None:
            missing = f"There is no agent {name} in the settings."
            return AgentError(missing, retryable=False, error_class="misconfigured")
        return self._breakers.refusal(name) or agent

    async def _over_budget(self, budgets: BudgetCheck, turn: Turn) -> AgentError | None:
        return await retry_until_answered(partial(budgets.exceeded, turn.user_id, turn.agent))

    async def _call(self, agent: Agent, prepared: Turn, entry: Running, draft: Draft, over: Over) -> None:
        if entry.cancelled:
            over(None, copy_context())
            return
        call = entry.call = Call(draft, self._terms(prepared).timeout.total_seconds(), self.work, over)
        try:
            await self._listener.listen(agent, prepared, draft, call)
        except asyncio.CancelledError:
            if self._stopping:
                call.forget()
                raise
            call.end(AgentError("The agent cancelled itself."))
        except BaseException:
            call.forget()
            raise

    def _ended(self, turn: Turn, entry: Running, draft: Draft, error: BaseException | None, context: Context) -> None:
        """The agent's call has ended. Whatever the agent did to its task, the turn continues in another one."""
        entry.call = None
        if self._stopping:
            self._over(turn, entry)
            return
        work = self._supervised(turn, entry, self._heard(turn, entry, draft, error))
        entry.worker = self.work.start(work, _name(turn), context)

    async def _heard(self, turn: Turn, entry: Running, draft: Draft, error: BaseException | None) -> None:
        """After an attempt, there is a reply, another attempt, or an apology."""
        failure = self._outcome(turn, entry, draft, error)
        if failure is None:
            if await self._answered(turn, entry, draft):
                return
            failure = AgentError("The agent gave no answer.", retryable=False)
        log.warning("turn_attempt_failed", turn=str(turn.turn_id), attempt=turn.attempt, reason=str(failure))
        if not failure.retryable or turn.counted_attempts >= self._parts.max_attempts:
            await self._failed_for_good(turn, entry, draft, failure)
            return
        await entry.pauses(min(RETRY_PAUSE_S * 2 ** (turn.attempt - 1), LONGEST_PAUSE_S))
        if not entry.cancelled:
            turn = await retry_until_answered(partial(self._parts.turns.begin_attempt, turn))
            if turn.cancel_requested:
                entry.cancel()
        if entry.cancelled:
            await self._give_up(turn, entry, draft, failure)
        else:
            await self._attempt(turn, entry, self._new_draft(draft.usage))

    def _outcome(self, turn: Turn, entry: Running, draft: Draft, error: BaseException | None) -> AgentError | None:
        """Returns why the attempt has failed, and remembers whether it has."""
        failure = self._failure(turn, entry, error) or _misplaced(entry, draft)
        if not entry.cancelled:
            self._breakers.heard(_answering(turn, entry), failure)
        return failure

    async def _failed_for_good(self, turn: Turn, entry: Running, draft: Draft, failure: AgentError) -> None:
        if not self._falls_back(turn, entry):
            await self._give_up(turn, entry, draft, failure)
            return
        # The number of a new attempt tells followers to withdraw what the first agent has said.
        turn = await retry_until_answered(partial(self._parts.turns.begin_attempt, turn))
        if turn.cancel_requested:
            entry.cancel()
        await self._attempt(turn, entry, self._new_draft(draft.usage))

    def _falls_back(self, turn: Turn, entry: Running) -> bool:
        """Whether another agent is given the turn. It could not continue a run that waits for an answer."""
        fallback = self._terms(turn).fallback
        if fallback is None or entry.stand_in is not None or entry.cancelled or turn.answers:
            return False
        entry.stand_in = fallback
        FELL_BACK.labels(turn.agent).inc()
        log.warning("turn_fell_back", turn=str(turn.turn_id), agent=turn.agent, fallback=fallback)
        return True

    async def _answered(self, turn: Turn, entry: Running, draft: Draft) -> bool:
        """Records what the agent has said; returns False if that is nothing."""
        reply = self._replies.of(turn, draft, cancelled=entry.cancelled)
        if not reply.parts:
            return False
        if draft.state.refused is not None:
            log_refused_state(turn, draft.state.refused)
        if draft.request is None or entry.cancelled:
            await self._conclude(turn, entry, reply)
        else:
            await self._ask(
                turn, entry, draft, self._replies.question(reply, draft.request, self._terms(turn).approvers)
            )
        return True

    def _failure(self, turn: Turn, entry: Running, error: BaseException | None) -> AgentError | None:
        """Returns what went wrong with the agent, including timeouts; None if nothing did, or the turn was cancelled."""
        if error is None or isinstance(error, AgentError):
            return error
        if isinstance(error, TimeoutError):
            return None if entry.cancelled else AgentError("The agent took too long.", error_class="timeout")
        told = f"{type(error).__name__}: {error}"
        trace = None if told == entry.raised else error
        entry.raised = told
        log.warning("agent_raised", turn=str(turn.turn_id), agent=turn.agent, error=told, exc_info=trace)
        return AgentError(f"The agent failed: {told}")

    async def _give_up(self, turn: Turn, entry: Running, draft: Draft, failure: AgentError) -> None:
        if entry.cancelled:
            reply = self._replies.of(turn, draft, cancelled=True)
        else:
            reason = str(failure)
            log.error(
                "turn_failed", turn=str(turn.turn_id), session=turn.session_id, attempts=turn.attempt, reason=reason
            )
            reply = self._replies.apology(turn, draft.usage, reason, failure.error_class)
        await self._conclude(turn, entry, reply)

    async def _conclude(self, turn: Turn, entry: Running, reply: Reply) -> None:
        # The chunks to be sent are known to be ours in this tenure; the store's answer may take its time.
        tenure = Tenure.of(self._parts.lease)
        reply = await self._priced(_answering(turn, entry), reply)
        finished = await self._conclusion.keep(turn, reply)
        # Only once the reply is there: a title is made while the agent has spare capacity.
        entry.agent_ends()
        count_end(turn, finished, reply.usage, time.monotonic() - entry.begun)
        if reply.usage is not None:
            self._parts.used()
        self._conclusion.announce(turn, finished)
        self._parts.after(turn, finished)
        self._parts.outbox.send(finished.outbox, tenure)
        self._over(turn, entry, finished)

    async def _priced(self, agent: AgentName, reply: Reply) -> Reply:
        if reply.usage is None:
            return reply
        return replace(reply, usage=await self._parts.pricing.priced(agent, reply.usage))

    async def _ask(self, turn: Turn, entry: Running, draft: Draft, question: Question) -> None:
        """The turn waits for an answer; until then, nothing of it is held here."""
        tenure = Tenure.of(self._parts.lease)
        question = replace(question, reply=await self._priced(turn.agent, question.reply))
        try:
            asked = await self._conclusion.ask(turn, question)
        except AgentError as error:
            await self._give_up(turn, entry, draft, error)
            return
        if asked is None:
            entry.cancel()
            await self._conclude(turn, entry, self._replies.of(turn, draft, cancelled=True))
            return
        self._conclusion.announce(turn, asked)
        if question.reply.usage is not None:
            self._parts.used()
        self._parts.outbox.send(asked.outbox, tenure)
        self._over(turn, entry)

    async def _with_state(self, turn: Turn) -> Turn:
        return replace(
            turn, state=await retry_until_answered(partial(self._parts.states.of_turn, turn.chat_id, turn.user_id))
        )


def _misplaced(entry: Running, draft: Draft) -> AgentError | None:
    """A stand-in has no conversation of its own with the user, and cannot be asked again with an answer."""
    if entry.stand_in is None:
        return None
    draft.agent_session = None
    if draft.request is None or entry.cancelled:
        return None
    return AgentError(f"agents.{entry.stand_in} asks for approval, which a fallback cannot do.", retryable=False)


def _answering(turn: Turn, entry: Running) -> AgentName:
    return turn.agent if entry.stand_in is None else entry.stand_in


def _name(turn: Turn) -> str:
    return f"turn {turn.turn_id}"
