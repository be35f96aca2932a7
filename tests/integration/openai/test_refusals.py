"""Errors of `/v1` for invalid requests: the parameter's name, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import Person, World

COMPLETIONS = "/v1/chat/completions"


@pytest.fixture
async def ann(world: World) -> Person:
    gateway = await world.gateway(agents={"assistant": {"kind": "demo"}, "cook": {"kind": "demo"}})
    return await world.person("ann", gateway.url)


async def refused(person: Person, content: str, **headers: str) -> tuple[int, Any]:
    body = {"model": "assistant", "messages": [{"role": "user", "content": content}]}
    status, answer = await person.calls("POST", COMPLETIONS, json=body, headers=headers)
    return status, answer["error"]


async def test_a_request_without_a_question_blames_its_messages(ann: Person) -> None:
    """In a full sentence."""
    status, error = await refused(ann, " ")
    assert (status, error["param"]) == (400, "messages")
    assert error["message"].startswith("messages: should end with a user message")


async def test_a_session_with_another_agent_blames_the_model(ann: Person) -> None:
    """The error names the right one."""
    session = (await ann.posts("/api/chat/sessions", 201, agent_name="cook"))["session_id"]
    status, error = await refused(ann, "Hello", **{"X-Session-Id": session})
    assert (status, error["param"]) == (400, "model")
    assert "belongs to the agent cook" in error["message"]


async def test_a_failed_answer_is_asked_for_with_another_key(ann: Person) -> None:
    """The same key returns the same failure forever; requests without a key need none."""
    for _ in range(2):
        status, error = await refused(ann, "fail for good", **{"Idempotency-Key": "k"})
        assert (status, error["code"]) == (500, "agent_failed")
        assert "new Idempotency-Key" in error["message"]
    assert (await refused(ann, "fail for good", **{"Idempotency-Key": "l"}))[0] == 500


async def test_a_parameter_of_the_wrong_type_is_described_in_terms_of_json(ann: Person) -> None:
    """Once, with the name that the client knows."""
    body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}], "user": 5}
    error = (await ann.posts(COMPLETIONS, 400, **body))["error"]
    assert (error["param"], error["message"]) == ("user", "user: should be a string, or an object with id")
