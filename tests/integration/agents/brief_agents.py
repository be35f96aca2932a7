"""An agent with a small memory."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gateway.core.model import Message, Turn


class Briefed:
    """Answers with the questions that it was told; counts the words of questions."""

    def run(self, turn: Turn) -> str:
        return json.dumps([message.content for message in turn.history if message.role == "user"])

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages if message.role == "user")
