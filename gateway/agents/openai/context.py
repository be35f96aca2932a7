"""Cuts a conversation to fit the model's context: leaves out whole turns, the oldest first; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from openai.types.chat import ChatCompletionMessageParam

from gateway.agents.openai.overflow import Overflow
from gateway.core.content.tokens import estimated_tokens

KNOWN = (
    ("gpt-5", 272_000),
    ("gpt-4.1", 1_047_576),
    ("gpt-4o", 128_000),
    ("gpt-4-turbo", 128_000),
    ("gpt-4", 8_192),
    ("gpt-3.5-turbo", 16_385),
    ("o1", 200_000),
    ("o3", 200_000),
    ("o4", 200_000),
)
"""Context sizes of OpenAI's models in tokens, by prefix of their names, longer prefixes first."""
LONGEST_ANSWER = 1_024
"""Tokens kept free for an answer without `max_tokens`, or a quarter of a small context."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: the instructions, earlier turns, and the messages to answer. Only `past` is ever cut."""

    opening: tuple[ChatCompletionMessageParam, ...]
    past: tuple[tuple[ChatCompletionMessageParam, ...], ...]
    newest: tuple[ChatCompletionMessageParam, ...]

    @property
    def messages(self) -> tuple[ChatCompletionMessageParam, ...]:
        """All of them, in order."""
        return (*self.opening, *(message for turn in self.past for message in turn), *self.newest)

    def fitted(self, room: int) -> Prompt:
        """Returns the prompt with as many of the newest earlier turns as fit into `room` tokens, by estimate."""
        left = room - estimate((*self.opening, *self.newest))
        kept = 0
        for turn in reversed(self.past):
            left -= estimate(turn)
            if left < 0:
                break
            kept += 1
        return self.newer(kept)

    def newer(self, turns: int) -> Prompt:
        """Returns the prompt with that many of the newest earlier turns."""
        return replace(self, past=self.past[len(self.past) - turns :])


@dataclass(slots=True)
class Window:
    """The size of the model's context in tokens, None while unknown; `answer`: tokens reserved for the answer."""

    tokens: int | None
    answer: int | None = None

    def fitted(self, prompt: Prompt) -> Prompt:
        """Returns what fits, as far as the size is known."""
        return prompt if self.tokens is None else prompt.fitted(self._room(self.tokens))

    def learn(self, overflow: Overflow) -> None:
        """Adopts the size that the server reports, unless the settings allow less."""
        if overflow.limit is not None:
            self.tokens = min(overflow.limit, self.tokens or overflow.limit)

    def after(self, refused: Prompt, overflow: Overflow) -> Prompt:
        """Returns a prompt shorter than the rejected one, and the longest that should fit by the server's count."""
        if self.tokens is None or overflow == Overflow():
            return refused.newer(len(refused.past) // 2)
        estimated = estimate(refused.messages)
        # The estimate was too low by as much as the server says, or at least by enough to be rejected.
        counted = overflow.given or max(estimated, self.tokens * 11 // 10)
        shorter = refused.fitted(self._room(self.tokens) * estimated // counted)
        return shorter if len(shorter.past) < len(refused.past) else refused.newer(len(refused.past) // 2)

    def _room(self, tokens: int) -> int:
        return tokens - (self.answer or min(LONGEST_ANSWER, tokens // 4))


def known_window(model: str) -> int | None:
    """Returns the context size of a well-known model."""
    name = model.rpartition("/")[2]
    return next((tokens for beginning, tokens in KNOWN if name.startswith(beginning)), None)


def estimate(messages: Sequence[ChatCompletionMessageParam]) -> int:
    """Estimates the number of tokens; the server's count corrects it."""
    return sum(estimated_tokens(str(message.get("content", ""))) for message in messages)
