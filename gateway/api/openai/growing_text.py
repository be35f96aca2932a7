"""Converts one answer to a stream of text that only grows; pure.

OpenAI's streams cannot take anything back. While a new attempt at a turn repeats what was sent, nothing is sent; where it continues
beyond that, the rest is sent. Where it differs, nothing more is sent, and the final row decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.content.cleaning import clean
from gateway.core.events import ReasoningDelta, ToolCall
from gateway.core.live.live_turns import BEGINNING, LiveAttempt, Piece

BETWEEN = "\n\n"
"""Separates the texts before and after a tool call or reasoning, as in the final row."""


class GrowingText:
    """What was sent of an answer, and how far the current attempt has repeated it."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._attempt = 0
        self._read = BEGINNING
        self._repeats = ""
        """What the attempt has yet to repeat before it adds anything new."""
        self._differs = False
        self._spoke = self._paused = False

    def read(self, said: LiveAttempt) -> str:
        """Returns the text to send; nothing for an attempt that differs from what was sent."""
        if said.attempt > self._attempt:
            self._begin_again(said.attempt)
        if said.attempt < self._attempt or self._differs:
            return ""
        pieces, self._read = said.after(self._read)
        return self._send(self._text_of(pieces))

    def conclude(self, content: str) -> str | None:
        """Returns the missing part of the final row; None if the row does not start with what was sent."""
        self._begin_again(self._attempt)
        rest = self._send(content)
        return None if self._differs or self._repeats else rest

    def _begin_again(self, attempt: int) -> None:
        self._attempt, self._read = attempt, BEGINNING
        self._repeats = "".join(self._sent)
        self._differs = self._spoke = self._paused = False

    def _text_of(self, pieces: Sequence[Piece]) -> str:
        texts: list[str] = []
        for piece in pieces:
            if isinstance(piece, ToolCall | ReasoningDelta):
                self._paused = self._spoke
            elif isinstance(piece, str) and (text := clean(piece)):
                texts += (BETWEEN, text) if self._paused else (text,)
                self._spoke, self._paused = True, False
        return "".join(texts)

    def _send(self, text: str) -> str:
        known = min(len(text), len(self._repeats))
        if text[:known] != self._repeats[:known]:
            self._differs = True
            return ""
        self._repeats = self._repeats[known:]
        if news := text[known:]:
            self._sent.append(news)
        return news
