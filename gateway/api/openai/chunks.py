"""Converts one answer to OpenAI's format: chunk by chunk, or all at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from gateway.api.openai.answers import Completion, FinishReason
from gateway.api.openai.errors import error_json
from gateway.api.openai.failures import Failure, failure_of
from gateway.api.openai.growing_text import GrowingText
from gateway.core.live.live_turns import LiveAttempt
from gateway.core.model import JsonObject, TurnStatus
from gateway.core.ports.sessions.sessions import TurnOutcome

DIFFERS = (
    "The answer was started again and differs from what was streamed. The "
    "complete answer is the last message of the session's transcript."
)


def finish_reason_of(outcome: TurnOutcome) -> FinishReason:
    """`length` if the answer is incomplete because its turn was cancelled."""
    return "length" if outcome.status == "cancelled" else "stop"


class Ending:
    """The `Shape` of an answer that is sent when it is complete."""

    def __init__(self) -> None:
        self.gone: str | None = None

    def turned(self, status: TurnStatus, attempt: int, *, elsewhere: bool = False) -> None:
        """Does nothing."""

    def read(self, said: LiveAttempt) -> None:
        """Does nothing."""

    def conclude(self, outcome: TurnOutcome) -> None:
        """Usage is read with the row."""

    def vanish(self, reason: str) -> None:
        self.gone = reason

    def take(self) -> Sequence[JsonObject]:
        return ()


class CompletionStream:
    """The `Shape` of a stream. `whole`: the answer was sent to its end."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion
        self._text = GrowingText()
        self._chunks = [completion.chunk({"role": "assistant", "content": "", "refusal": None})]
        self.whole = False

    def take(self) -> Sequence[JsonObject]:
        chunks, self._chunks = self._chunks, []
        return chunks

    def turned(self, status: TurnStatus, attempt: int, *, elsewhere: bool = False) -> None:
        """Does nothing: OpenAI's format has no status."""

    def read(self, said: LiveAttempt) -> None:
        self._say(self._text.read(said))

    def conclude(self, outcome: TurnOutcome) -> None:
        if (failure := failure_of(outcome)) is not None:
            self._fail(failure)
            return
        rest = self._text.conclude(outcome.reply.content)
        if rest is None:
            self._fail(Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "answer_changed", DIFFERS))
            return
        self._say(rest)
        self._chunks.append(self._completion.chunk({}, finish_reason_of(outcome)))
        self.whole = True

    def vanish(self, reason: str) -> None:
        self._fail(Failure(HTTPStatus.NOT_FOUND, "session_deleted", reason))

    def _say(self, text: str) -> None:
        if text:
            self._chunks.append(self._completion.chunk({"content": text}))

    def _fail(self, failure: Failure) -> None:
        self._chunks.append(error_json(failure.status, failure.message, failure.code, failure.param))
