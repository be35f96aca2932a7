"""How much of a conversation is sent to a model, and how servers reject prompts that are too long."""

from __future__ import annotations

import httpx2
import pytest
from openai import APIError

from gateway.agents.openai.context import Prompt, Window, estimate, known_window
from gateway.agents.openai.conversation import joined, prompt_of
from gateway.agents.openai.overflow import Overflow, overflow_of
from tests.unit.agents.turns import turn

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/chat/completions")


def refusal(message: str, **body: object) -> APIError:
    """The error that the client raises."""
    return APIError(message, REQUEST, body={"message": message, **body})


def conversation(turns: int, characters: int = 280) -> Prompt:
    """Instructions, that many earlier turns of two equal messages, and a question."""
    said = [str(n % 10) * characters for n in range(2 * turns)]
    return prompt_of(turn(*said, "and now?"), "Be brief.")


@pytest.mark.parametrize(
    ("error", "limit", "given"),
    [
        (
            refusal(
                "This model's maximum context length is 4096 tokens. However, your messages resulted in 5012 tokens.",
                code="context_length_exceeded",
            ),
            4096,
            5012,
        ),
        (
            refusal(
                "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the "
                "messages, 1000 in the completion)."
            ),
            4096,
            4000,
        ),
        (
            refusal(
                "request (1407 tokens) exceeds the available context size (256 tokens), try increasing it",
                type="exceed_context_size_error",
                n_prompt_tokens=1407,
                n_ctx=256,
            ),
            256,
            1407,
        ),
        (
            refusal(
                "the request exceeds the available context size. try increasing the context size or enable context shift",
                type="exceed_context_size_error",
                n_prompt_tokens=14429,
                n_ctx=8192,
            ),
            8192,
            14429,
        ),
        (refusal("Requested tokens (2285) exceed context window of 2048"), 2048, 2285),
        (refusal("prompt is too long: 205,000 tokens > 200,000 maximum"), 200_000, 205_000),
        (
            refusal("Please reduce the length of the messages or completion.", code="context_length_exceeded"),
            None,
            None,
        ),
        (
            refusal(
                "Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 31250.",
                code="rate_limit_exceeded",
            ),
            30_000,
            31_250,
        ),
    ],
)
def test_a_refusal_says_what_fits(error: APIError, limit: int | None, given: int | None) -> None:
    """Whatever the server's wording is."""
    assert overflow_of(error) == Overflow(limit, given)


@pytest.mark.parametrize(
    "error",
    [
        refusal("Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000."),
        refusal("max_tokens is too large: 99999", code="invalid_value"),
        ValueError("context window exceeded"),
    ],
)
def test_other_refusals_are_something_else(error: Exception) -> None:
    """A rate limit passes; an invalid parameter stays invalid."""
    assert overflow_of(error) is None


def test_whole_turns_are_left_out_the_oldest_first() -> None:
    """Instructions and the question always remain."""
    whole = conversation(4)
    cut = whole.fitted(estimate(whole.messages) - 1)
    assert cut.past == whole.past[1:]
    assert whole.fitted(0).messages == (*whole.opening, *whole.newest)
    assert whole.fitted(estimate(whole.messages)) == whole


def test_a_failed_turn_is_one_of_its_own() -> None:
    """A question without an answer, such as one that was too long, is cut like any other turn; roles still alternate."""
    said = turn("one", "two", "far too long", "and now?")
    unanswered = prompt_of(said, None)
    assert [len(one) for one in unanswered.past] == [2, 1]
    assert [message["content"] for message in joined(unanswered.messages)] == ["one", "two", "far too long\n\nand now?"]
    assert unanswered.newer(0).messages == unanswered.newest


def test_a_window_keeps_room_for_the_answer() -> None:
    """`max_tokens`, or up to a quarter of the context."""
    whole = conversation(40)
    for window, room in [(Window(2_000, 500), 1_500), (Window(2_000), 1_500), (Window(100_000), 98_976)]:
        assert estimate(window.fitted(whole).messages) <= room
    assert Window(None).fitted(whole) == whole


def test_what_a_server_counted_corrects_the_estimate() -> None:
    """A prompt with twice as many tokens as estimated is cut to half its size."""
    whole, window = conversation(40), Window(4_096)
    refused = window.fitted(whole)
    window.learn(Overflow(4_096, 2 * estimate(refused.messages)))
    shorter = window.after(refused, Overflow(4_096, 2 * estimate(refused.messages)))
    assert 0 < 2 * estimate(shorter.messages) <= 4_096 - 1_024
    assert shorter.newest == whole.newest


@pytest.mark.parametrize("overflow", [Overflow(), Overflow(100_000), Overflow(100_000, 5)])
def test_what_was_refused_gets_shorter_whatever_is_said(overflow: Overflow) -> None:
    """Even if the server names no numbers, or nonsensical ones."""
    refused, window = conversation(9), Window(None)
    window.learn(overflow)
    assert len(window.after(refused, overflow).past) < 9


def test_the_settings_may_allow_less_than_the_server() -> None:
    """The smaller size counts."""
    window = Window(1_000)
    window.learn(Overflow(4_096))
    assert window.tokens == 1_000


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("gpt-4o-mini", 128_000), ("openai/gpt-4.1", 1_047_576), ("gpt-4-0613", 8_192), ("llama3", None)],
)
def test_known_models(model: str, tokens: int | None) -> None:
    """Known by name; other models' sizes are learned from their errors."""
    assert known_window(model) == tokens
