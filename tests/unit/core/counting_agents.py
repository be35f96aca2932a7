"""Agents that count tokens, well and badly."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.model import Message, Turn


def plain(turn: Turn) -> str:
    """Counts nothing."""
    return turn.text


class Own:
    """A token is a message."""

    def run(self, turn: Turn) -> str:
        return turn.text

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(messages)


class Wrong:
    """Returns no number."""

    def run(self, turn: Turn) -> str:
        return turn.text

    def count_tokens(self, messages: Sequence[Message]) -> str:
        return f"{len(messages)} tokens"
