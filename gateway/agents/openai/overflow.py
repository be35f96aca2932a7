"""Recognises the errors with which servers reject a request that exceeds the model's context; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from openai import APIError

from gateway.errors import AgentError

CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
"""The error code of OpenAI, vLLM and Groq, and the error type of llama.cpp."""
NUMBER = r"(\d[\d,]*)"
LIMITS = tuple(
    re.compile(pattern.replace("N", NUMBER), re.IGNORECASE)
    for pattern in (
        r"maximum context length (?:is|of) N",  # OpenAI, vLLM
        r"available context size \(N tokens",  # llama.cpp
        r"exceeds? (?:the )?context window of N",  # llama-cpp-python
        r"model with N maximum context length",  # Mistral
        r"> N maximum",  # Anthropic
        r"maximum number of tokens allowed \(N\)",  # Gemini
        r"context length of (?:only )?N tokens",  # LM Studio
        r"max_new_tokens` must be <= N",  # TGI
        r"request too large for .*?\blimit:? N",  # OpenAI, Groq: more than fits into a minute
    )
)
"""Patterns that name the limit."""
SIZES = tuple(
    re.compile(pattern.replace("N", NUMBER), re.IGNORECASE)
    for pattern in (
        r"\(N in the messages",
        r"your messages resulted in N tokens",
        r"request \(N tokens\)",
        r"requested tokens \(N\)",
        r"prompt contains N tokens",
        r"prompt is too long: N tokens",
        r"input token count \(N\)",
        r"given: N `inputs`",
        r"keep the first N tokens",
        r"you requested N tokens",
        r"requested:? N\b",
    )
)
"""Patterns that name the size of the prompt, the more specific ones first."""
BARE = re.compile(
    r"exceeds? the (?:available )?context (?:size|window|length)|context (?:length|window) exceeded|prompt is too long"
    r"|greater than the context length|reduce the length of the messages",
    re.IGNORECASE,
)
"""Patterns without numbers."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """Sizes in tokens, as far as the server reports them: `limit`, the maximum; `given`, the size of the prompt."""

    limit: int | None = None
    given: int | None = None


class ContextOverflow(AgentError):
    """The prompt does not fit the model's context."""

    def __init__(self, text: str, overflow: Overflow) -> None:
        super().__init__(text, retryable=False, error_class="context_too_long")
        self.overflow = overflow


def overflow_of(error: Exception) -> Overflow | None:
    """Returns what the server reports about its context; None if the error is about something else."""
    if not isinstance(error, APIError):
        return None
    limit, given = _first(LIMITS, error.message), _first(SIZES, error.message)
    if limit is None and error.code not in CODES and error.type not in CODES and not BARE.search(error.message):
        return None
    body: Mapping[str, object] = error.body if isinstance(error.body, dict) else {}
    return Overflow(_count(body.get("n_ctx")) or limit, _count(body.get("n_prompt_tokens")) or given)


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    found = next((found for pattern in patterns if (found := pattern.search(text))), None)
    return None if found is None else int(found[1].replace(",", ""))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
