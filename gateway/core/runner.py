"""Runs claimed turns: any number of sessions at once, one attempt after another, to exactly one recorded reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.core.announcer import Announcer
from gateway.core.background import Background
from gateway.core.draft import Draft, clean
from gateway.core.metrics import RUNNING, TURN_SECONDS, TURNS
from gateway.core.model import Address, AgentName, ChannelName, Chunk, Reply, Turn, TurnId, Usage
from gateway.core.outbox import Outbox, channel_of
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.ports.channels import Channel
from gateway.core.ports.turns import Finished, TurnStore
from gateway.core.presence import typing_shown
from gateway.core.retries import insist
from gateway.core.titles import title_from
from gateway.errors import AgentError, GatewayError, LeaseLost

log = structlog.get_logger(__name__)

APOLOGY = "Sorry, I could not answer that. Please try again."
STOPPED = "Stopped."
RETRY_PAUSE_S = 0.5
STOP_S = 1.0
LONGEST_PAUSE_S = 5.0
GRACE_S = 0.8


@dataclass(slots=True)
class Running:
    """A turn at work. `limit`: expires when its time is up, or at once when it is cancelled."""

    limit: asyncio.Timeout | None = None
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True
        # A limit that has fired is being handled already.
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time())


@dataclass(frozen=True, slots=True)
class RunnerParts:
    """What turns are run with."""

    agents: Mapping[AgentName, Agent]
    terms: Mapping[AgentName, TurnTerms]
    channels: Mapping[ChannelName, Channel]
    turns: TurnStore
    outbox: Outbox
    announcer: Announcer
    concurrency: int
    max_attempts: int
    max_reply: int


class Runner:
    """The only place where agents are called."""

    def __init__(self, parts: RunnerParts) -> None:
        self._parts = parts
        self._running: dict[TurnId, Running] = {}
        self._slots = asyncio.Semaphore(parts.concurrency)
        self._work = Background()

    @property
    def running(self) -> tuple[TurnId, ...]:
        """Turns that this replica holds now."""
        return tuple(self._running)

    def start(self, turn: Turn, *, renew: bool = False) -> None:
        """Runs a turn that was claimed for this replica; one that runs already goes on.

        `renew`: the claim may be old news, so it is looked at again first.
        """
        if turn.turn_id not in self._running:
            entry = self._running[turn.turn_id] = Running(cancelled=turn.cancel_requested)
            self._work.start(self._serve(turn, entry, renew=renew), f"turn {turn.turn_id}")
            RUNNING.set(len(self._running))

    def cancel(self, turn_id: TurnId) -> None:
        """Ends the current attempt at once, if the turn runs here; what was said so far is its reply."""
        if (entry := self._running.get(turn_id)) is not None:
            entry.cancel()

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
            if renew:
                turn = await self._renewed(turn)
            if self._slots.locked():
                turn = await self._queued(turn)
            else:
                await self._slots.acquire()
            try:
                finished = await self._run(turn, entry)
            finally:
                self._slots.release()
        except LeaseLost as lost:
            log.info("turn_lost", turn=str(turn.turn_id), session=turn.session_id, reason=str(lost))
        finally:
            self._running.pop(turn.turn_id, None)
            RUNNING.set(len(self._running))
        if finished is not None and finished.next_turn is not None:
            self.start(finished.next_turn)

    async def _renewed(self, turn: Turn) -> Turn:
        return await insist(partial(self._parts.turns.begin_attempt, turn, counts=False))

    async def _queued(self, turn: Turn) -> Turn:
        """Waits for a slot, and keeps the claim fresh meanwhile: other replicas steal what is late."""
        patience = self._terms(turn).timeout.total_seconds() / 2
        while True:
            try:
                async with asyncio.timeout(patience):
                    await self._slots.acquire()
            except TimeoutError:
                turn = await self._renewed(turn)
                continue
            try:
                return await self._renewed(turn)
            except BaseException:
                self._slots.release()
                raise

    def _terms(self, turn: Turn) -> TurnTerms:
        return self._parts.terms.get(turn.agent, TurnTerms())

    async def _run(self, turn: Turn, entry: Running) -> Finished:
        begun = time.monotonic()
        log.debug(
            "turn_started", turn=str(turn.turn_id), session=turn.session_id, agent=turn.agent, attempt=turn.attempt
        )
        if not turn.deliver_to:
            turn, reply = await self._attempts(turn, entry)
        else:
            async with typing_shown(self._parts.channels, turn.deliver_to):
                turn, reply = await self._attempts(turn, entry)
        reply, finished = await self._keep(turn, reply)
        TURNS.labels(turn.agent, reply.status).inc()
        TURN_SECONDS.labels(turn.agent).observe(time.monotonic() - begun)
        self._announce(turn, reply, finished)
        return finished

    async def _attempts(self, turn: Turn, entry: Running) -> tuple[Turn, Reply]:
        """One attempt after another until there is a reply; the turn as it was claimed last."""
        draft = Draft(self._parts.max_reply)
        error = "every earlier attempt ended with its replica"
        while turn.attempt <= self._parts.max_attempts and not entry.cancelled:
            self._say(turn)
            draft = Draft(self._parts.max_reply)
            try:
                return turn, await self._attempt(turn, entry, draft)
            except AgentError as failure:
                error = str(failure)
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
            return turn, self._reply(turn, draft, "cancelled")
        log.error("turn_failed", turn=str(turn.turn_id), session=turn.session_id, attempts=turn.attempt, reason=error)
        return turn, self._apology(turn, draft.usage, error)

    async def _attempt(self, turn: Turn, entry: Running, draft: Draft) -> Reply:
        """Raises `AgentError` for whatever goes wrong with the agent, its time included."""
        agent = self._parts.agents.get(turn.agent)
        if agent is None:
            raise AgentError(f"There is no agent {turn.agent} in the settings.", retryable=False)
        try:
            await self._listen(agent, turn, entry, draft)
        except TimeoutError as error:
            if not entry.cancelled:
                raise AgentError("The agent took too long.") from error
        except AgentError:
            raise
        except Exception as error:
            log.warning("agent_raised", turn=str(turn.turn_id), agent=turn.agent, exc_info=error)
            raise AgentError(f"The agent failed: {type(error).__name__}: {error}") from error
        reply = self._reply(turn, draft, "cancelled" if entry.cancelled else "completed")
        if not reply.parts:
            raise AgentError("The agent answered nothing.", retryable=False)
        return reply

    async def _listen(self, agent: Agent, turn: Turn, entry: Running, draft: Draft) -> None:
        """Hears the agent out. Raises `TimeoutError` when its time is up or the turn is cancelled, and what it raises."""
        hearing = asyncio.create_task(self._hear(agent, turn, draft), name=f"agent of {turn.turn_id}")
        try:
            async with asyncio.timeout(self._terms(turn).timeout.total_seconds()) as limit:
                entry.limit = limit
                await asyncio.wait({hearing})
            if hearing.cancelled():
                raise AgentError("The agent was cancelled from within.")
            hearing.result()
        finally:
            entry.limit = None
            draft.closed = True
            if not hearing.done():
                await _ended(hearing)

    async def _hear(self, agent: Agent, turn: Turn, draft: Draft) -> None:
        events = agent.run(turn)
        try:
            async for event in events:
                if draft.closed:
                    break
                if (kept := draft.add(event)) is not None:
                    self._parts.announcer.progress(turn, kept)
        except SystemExit as error:
            # It would end the gateway: a library that means a program of its own.
            raise AgentError(f"The agent wanted to end the process: {error}.") from error
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _pause(self, turn: Turn, entry: Running) -> None:
        try:
            async with asyncio.timeout(min(RETRY_PAUSE_S * 2 ** (turn.attempt - 1), LONGEST_PAUSE_S)) as limit:
                entry.limit = limit
                await asyncio.Event().wait()
        except TimeoutError:
            entry.limit = None

    def _reply(self, turn: Turn, draft: Draft, status: str) -> Reply:
        content, parts = draft.finish()
        # That nothing was said is recorded and not delivered: whoever cancelled knows.
        chunks = self._chunks(turn, content) if parts else ()
        if status == "cancelled" and not parts:
            content, parts = STOPPED, ({"type": "text", "text": STOPPED},)
        return Reply(
            status="cancelled" if status == "cancelled" else "completed",
            content=content,
            parts=parts,
            usage=draft.usage,
            title=title_from(turn.text) if turn.seq == 1 else None,
            chunks=chunks,
        )

    def _apology(self, turn: Turn, usage: Usage | None, error: str) -> Reply:
        return Reply(
            status="failed",
            content=APOLOGY,
            parts=({"type": "text", "text": APOLOGY},),
            usage=usage,
            error=clean(error)[:2000],
            title=title_from(turn.text) if turn.seq == 1 else None,
            chunks=self._chunks(turn, APOLOGY),
        )

    def _chunks(self, turn: Turn, content: str) -> tuple[tuple[Address, Chunk], ...]:
        return tuple((address, chunk) for address in turn.deliver_to for chunk in self._rendered(address, content))

    def _rendered(self, address: Address, content: str) -> Sequence[Chunk]:
        channel = self._parts.channels.get(channel_of(address))
        # For a channel that is off the outbox says so; nothing is dropped here.
        return (Chunk(content),) if channel is None else channel.render(content)

    async def _keep(self, turn: Turn, reply: Reply) -> tuple[Reply, Finished]:
        """T2; of a reply that the store cannot take, an apology is kept instead."""
        try:
            return reply, await self._finish(turn, reply)
        except GatewayError:
            raise
        except Exception as error:
            log.exception("reply_not_kept", turn=str(turn.turn_id), session=turn.session_id)
            apology = self._apology(turn, reply.usage, f"The reply could not be kept: {type(error).__name__}: {error}")
            return apology, await self._finish(turn, apology)

    async def _finish(self, turn: Turn, reply: Reply) -> Finished:
        # The result is worth keeping for as long as this process lives: T2 recognises its own repetition.
        return await insist(partial(self._parts.turns.finish, turn, reply))

    def _say(self, turn: Turn) -> None:
        self._parts.announcer.turn(turn.turn_id, turn.session_id, turn.user_id, "running", turn.attempt)

    def _announce(self, turn: Turn, reply: Reply, finished: Finished) -> None:
        log.info(
            "turn_ended", turn=str(turn.turn_id), session=turn.session_id, status=reply.status, attempts=turn.attempt
        )
        announcer = self._parts.announcer
        for message in finished.dropped:
            announcer.changed(message)
        announcer.message(finished.message)
        announcer.turn(turn.turn_id, turn.session_id, turn.user_id, reply.status, turn.attempt)
        announcer.session(finished.session)
        self._parts.outbox.send(finished.outbox)


async def _ended(hearing: asyncio.Task[None]) -> None:
    """Tells an agent to stop; one that does not is left to itself after a moment, and nobody listens any more."""
    hearing.cancel()
    _, left = await asyncio.wait({hearing}, timeout=GRACE_S)
    if left:
        log.warning("agent_left_behind", task=hearing.get_name(), seconds=GRACE_S)
    # Whatever it still raises has no one to hear it.
    hearing.add_done_callback(lambda task: task.cancelled() or task.exception())
