"""Why a turn failed, in terms of OpenAI's clients."""

from __future__ import annotations

import openai
import pytest
from openai import AsyncOpenAI

from tests.world import Person, World

TARGET = "tests.integration.agents.context_agents:tells_history"
EXPECTED = {
    "context_too_long": (400, "invalid_request_error", "context_length_exceeded"),
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "unavailable": (503, "server_error", "agent_unavailable"),
    "timeout": (504, "server_error", "agent_timeout"),
    "over_budget": (429, "rate_limit_error", "insufficient_quota"),
    "misconfigured": (500, "server_error", "agent_misconfigured"),
    "agent_error": (500, "server_error", "agent_failed"),
}


@pytest.fixture
async def ann(world: World) -> Person:
    """A user of an agent that fails on request."""
    gateway = await world.gateway(agents={"assistant": {"kind": "python", "target": TARGET}})
    return await world.person("ann", gateway.url)


def client_of(person: Person) -> AsyncOpenAI:
    """OpenAI's own client, which retries some errors by itself."""
    return AsyncOpenAI(base_url=f"{person.url}/v1", api_key=person.token)


async def test_each_class_of_error_has_its_status_and_code(ann: Person) -> None:
    """The client retries none of them: each retry would be another turn."""
    async with client_of(ann) as client:
        for error_class, expected in EXPECTED.items():
            with pytest.raises(openai.APIStatusError) as caught:
                await client.chat.completions.create(
                    model="assistant", messages=[{"role": "user", "content": f"fail {error_class}"}]
                )
            assert (caught.value.status_code, caught.value.type, caught.value.code) == expected
            assert ("Retry-After" in caught.value.response.headers) == (expected[0] in {429, 503})
    sessions = await ann.gets("/api/chat/sessions?metadata.stateless=true")
    assert sessions["total"] == len(EXPECTED)


async def test_a_stream_ends_with_the_same_error(ann: Person) -> None:
    """As an event, which the client raises as an error."""
    async with client_of(ann) as client:
        for error_class, (_, kind, code) in EXPECTED.items():
            stream = await client.chat.completions.create(
                model="assistant", messages=[{"role": "user", "content": f"fail {error_class}"}], stream=True
            )
            with pytest.raises(openai.APIError) as caught:
                async for _ in stream:
                    pass
            assert (caught.value.type, caught.value.code) == (kind, code)


async def test_a_message_that_is_too_long_names_the_messages(ann: Person) -> None:
    """In terms that tell clients what to do."""
    body = {"model": "assistant", "messages": [{"role": "user", "content": "fail context_too_long"}]}
    _, answer = await ann.calls("POST", "/v1/chat/completions", json=body)
    assert answer["error"]["param"] == "messages"
    assert "longer than the model's context length" in answer["error"]["message"]
