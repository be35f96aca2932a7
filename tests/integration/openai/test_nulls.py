"""Parameters of `/v1/chat/completions` that clients leave open: null, or an empty list."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from openai.types.chat import completion_create_params as given

from tests.world import Person, World

COMPLETIONS = "/v1/chat/completions"
QUESTION: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": "The lake is frozen"}]}
OPTIONAL = sorted(get_type_hints(given.CompletionCreateParamsNonStreaming).keys() - QUESTION.keys())
"""Every parameter of OpenAI's own client."""
OF_MESSAGES = ("name", "refusal", "audio", "tool_calls", "function_call", "reasoning_content", "annotations")


@pytest.fixture
async def ann(world: World) -> Person:
    """A user with a token."""
    return await world.person("ann", (await world.gateway()).url)


async def answered(person: Person, **more: Any) -> str:
    """Returns the answer to a question with these parameters."""
    answer = await person.posts(COMPLETIONS, 200, **{**QUESTION, **more})
    return str(answer["choices"][0]["message"]["content"])


async def test_each_optional_parameter_may_be_null(ann: Person) -> None:
    """One at a time, and all at once."""
    assert {"tools", "tool_choice", "response_format", "user", "metadata", "stream"} <= set(OPTIONAL)
    for name in OPTIONAL:
        assert "The lake is frozen" in await answered(ann, **{name: None})
    assert "The lake is frozen" in await answered(ann, **dict.fromkeys(OPTIONAL))


@pytest.mark.parametrize(
    "nothing",
    [
        {"tools": [], "tool_choice": "auto"},
        {"tools": [], "tool_choice": None, "parallel_tool_calls": None},
        {"tools": [], "tool_choice": "none", "mcp_servers": [], "system": None, "stop_sequences": None, "top_k": None},
        {"functions": [], "function_call": "none"},
        {"stop": [], "logit_bias": {}, "metadata": {}, "modalities": None, "stream_options": {"include_usage": None}},
    ],
)
async def test_no_tools_are_as_good_as_none_named(ann: Person, nothing: dict[str, Any]) -> None:
    """As OpenAI's clients write it, and those converted from Anthropic's."""
    assert "The lake is frozen" in await answered(ann, **nothing)


async def test_the_fields_of_messages_may_be_null(ann: Person) -> None:
    """A client returns an answer in the history as it received it, including its empty fields."""
    empty = dict.fromkeys(OF_MESSAGES)
    history = [
        {"role": "user", "content": "Ahoy", **empty},
        {"role": "assistant", "content": "Aye", **empty, "tool_calls": []},
        {"role": "assistant", "content": None, **empty},
        {"role": "user", "content": [{"type": "text", "text": "What was my last question?", "cache_control": None}]},
    ]
    assert "Ahoy" in await answered(ann, messages=history)
