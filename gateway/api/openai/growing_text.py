"""One answer as a stream of text that only grows: pure, from what a turn says to the pieces that are still to be sent.

OpenAI's streams cannot take anything back. While a new attempt at a turn repeats what was sent, nothing is; where it goes on behind
that, the rest is. Where it says something else, nothing more is sent, and the final row decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.content.cleaning import clean
from gateway.core.events import ToolCall
from gateway.core.live.live_turns import BEGINNING, LiveAttempt, Piece

BETWEEN = "\n\n"
"""Stands between the texts before and after a tool call, as in the final row."""


class Telling:
    """What was sent of an answer, and how far the current attempt has come in saying it again."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._attempt = 0
        self._read = BEGINNING
        self._repeats = ""
        """What the attempt has yet to repeat before it says anything new."""
        self._differs = False
        self._spoke = self._paused = False

    def read(self, said: LiveAttempt) -> str:
        """What to send of that; nothing of an attempt that says something else than was sent."""
        if said.attempt > self._attempt:
            self._begin_again(said.attempt)
        if said.attempt < self._attempt or self._differs:
            return ""
        pieces, self._read = said.after(self._read)
        return self._send(self._text_of(pieces))

    def conclude(self, content: str) -> str | None:
        """What is missing of the final row; None when that does not begin with what was sent."""
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
            if isinstance(piece, ToolCall):
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
