"""The end of a turn: its reply is recorded, announced, counted and logged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.core.delivery.outbox import Outbox
from gateway.core.events import TurnChanged
from gateway.core.live.announcer import Announcer
from gateway.core.measuring.metrics import turn_seconds, turns_ended
from gateway.core.measuring.usage import count_usage
from gateway.core.model import Turn, Usage
from gateway.core.outbound import Reply
from gateway.core.ports.turns import Finished, Question, TurnStore
from gateway.core.tasks.retries import retry_until_answered
from gateway.core.turns.replies import Replies
from gateway.errors import AgentError, GatewayError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Ends turns in the store and tells everyone who follows them."""

    turns: TurnStore
    outbox: Outbox
    announcer: Announcer
    replies: Replies

    async def keep(self, turn: Turn, reply: Reply) -> Finished:
        """T2; if the store cannot accept the reply, stores an apology instead."""
        try:
            return await self._finish(turn, reply)
        except GatewayError:
            raise
        except Exception as error:
            log.exception("reply_not_kept", turn=str(turn.turn_id), session=turn.session_id)
            apology = self.replies.apology(
                turn, reply.usage, f"The reply could not be stored: {type(error).__name__}: {error}"
            )
            return await self._finish(turn, apology)

    async def ask(self, turn: Turn, question: Question) -> Finished | None:
        """T2 of a turn that waits for an answer; None if it was cancelled meanwhile.

        Raises an `AgentError` if the store cannot accept the question.
        """
        held = self._held(question.reply)
        try:
            return await retry_until_answered(partial(self.turns.ask, turn, question, held))
        except GatewayError:
            raise
        except Exception as error:
            log.exception("question_not_kept", turn=str(turn.turn_id), session=turn.session_id)
            reason = f"The question could not be stored: {type(error).__name__}: {error}"
            raise AgentError(reason, retryable=False) from error

    async def _finish(self, turn: Turn, reply: Reply) -> Finished:
        # The result is kept for as long as this process lives: T2 recognises its own repetition.
        return await retry_until_answered(partial(self.turns.finish, turn, reply, self._held(reply)))

    def _held(self, reply: Reply) -> Sequence[int]:
        return self.outbox.held_for({address for address, _ in reply.chunks}) if reply.chunks else ()

    def announce(self, turn: Turn, finished: Finished) -> None:
        """Tells followers of the session, and then the log."""
        for message in finished.dropped:
            self.announcer.changed(message)
        self.announcer.message(finished.message)
        # A turn that waits has not ended: everyone who joins hears of it.
        reply_seq = None if finished.status == "waiting" else finished.message.seq
        self.announcer.turn(
            TurnChanged(turn.session_id, turn.user_id, turn.turn_id, finished.status, turn.attempt, reply_seq)
        )
        self.announcer.session(finished.session)
        # Behind the writes of those who heard: a line takes as long as a frame.
        asyncio.get_running_loop().call_soon(_log_end, turn, finished)


def count_end(turn: Turn, finished: Finished, usage: Usage | None, seconds: float) -> None:
    """Counts a turn that has ended. `seconds`: how long it ran here."""
    turns_ended(turn.agent, finished.status).inc()
    turn_seconds(turn.agent).observe(seconds)
    if usage is not None:
        count_usage(turn.agent, usage)


def _log_end(turn: Turn, finished: Finished) -> None:
    log.info(
        "turn_waits" if finished.status == "waiting" else "turn_ended",
        turn=str(turn.turn_id),
        session=turn.session_id,
        status=finished.status,
        attempts=turn.attempt,
    )
    if finished.state_refused is not None:
        log_refused_state(turn, finished.state_refused)


def log_refused_state(turn: Turn, reason: str) -> None:
    """Logs that the agent's changes of the session's state were not kept."""
    log.warning(
        "state_change_refused", turn=str(turn.turn_id), session=turn.session_id, agent=turn.agent, reason=reason
    )
