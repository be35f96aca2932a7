"""Formats responses and models like OpenAI's chat completions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.core.model import JsonObject, TurnId, Usage

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Completion:
    """The fields that every object of one answer shares. `id`: of its turn; for an answer without a turn, of the request."""

    id: TurnId
    model: str
    created: datetime

    def whole(self, content: str, finish_reason: FinishReason, usage: Usage | None) -> JsonObject:
        """The response to a request that is not streamed."""
        choice: JsonObject = {
            "index": 0,
            "message": {"role": "assistant", "content": content, "refusal": None},
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage_json(usage)}

    def chunk(self, delta: JsonObject, finish_reason: FinishReason | None = None) -> JsonObject:
        """A piece of a stream."""
        choice: JsonObject = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def cost(self, usage: Usage | None) -> JsonObject:
        """The last piece of a stream, for clients that ask for usage."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": usage_json(usage)}

    def _head(self, kind: str) -> JsonObject:
        return {
            "id": f"chatcmpl-{self.id}",
            "object": kind,
            "created": int(self.created.timestamp()),
            "model": self.model,
        }


def usage_json(usage: Usage | None) -> JsonObject:
    """The usage of an answer; zeros if its agent reports none."""
    usage = usage or Usage()
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
