"""Error messages for invalid fields, as a client's author reads them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from gateway.api.openai.requests import ChatCompletionRequest
from gateway.api.requests.faults import faults_of
from gateway.api.routes.schedules import ScheduleChange
from gateway.api.routes.sessions import SessionDraft
from gateway.api.routes.state import StateDraft

ASKED: dict[str, object] = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}


def faults(model: type[BaseModel], body: dict[str, object]) -> list[tuple[str, str]]:
    """Fields and messages."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return [(fault.field, fault.message) for fault in faults_of(caught.value)]


@pytest.mark.parametrize(
    ("model", "body", "field", "message"),
    [
        (SessionDraft, {"metadata": 5}, "metadata", "should be a JSON object"),
        (SessionDraft, {"title": 5}, "title", "should be a string"),
        (SessionDraft, {"title": "x" * 300}, "title", "should have at most 200 characters"),
        (SessionDraft, {"str": 5}, "str", "is not a known field"),
        (StateDraft, {"scratchpad": 5}, "scratchpad", "should be a JSON object, or a list"),
        (ScheduleChange, {"trigger": 5}, "trigger", "should be a JSON object"),
        (ScheduleChange, {"trigger": {}}, "trigger", "should have a 'type'"),
        (
            ScheduleChange,
            {"trigger": {"type": "moon"}},
            "trigger",
            "'type' should be one of: 'cron', 'interval', 'once'",
        ),
        (ChatCompletionRequest, ASKED | {"user": 5}, "user", "should be a string, or an object with id"),
        (ChatCompletionRequest, ASKED | {"user": {"id": 5}}, "user.id", "should be a string"),
        (ChatCompletionRequest, ASKED | {"metadata": 5}, "metadata", "should be a JSON object"),
        (ChatCompletionRequest, ASKED | {"metadata": {"chat_id": 5}}, "metadata.chat_id", "should be a string"),
        (ChatCompletionRequest, ASKED | {"messages": [5]}, "messages.0", "should be a JSON object"),
        (ChatCompletionRequest, ASKED | {"messages": []}, "messages", "should hold at least 1"),
        (ChatCompletionRequest, ASKED | {"n": 2}, "n", "should be 1: an agent gives one answer"),
        (ChatCompletionRequest, {"messages": ASKED["messages"]}, "model", "is missing"),
    ],
)
def test_a_fault_is_described_in_terms_of_json(
    model: type[BaseModel], body: dict[str, object], field: str, message: str
) -> None:
    """One per field, without terms from Python or class names of ours."""
    assert faults(model, body) == [(field, message)]


def test_an_unknown_field_is_answered_with_those_that_exist() -> None:
    """The list is bounded."""
    with pytest.raises(ValidationError) as caught:
        SessionDraft.model_validate({"agent": "helper"})
    (fault,) = faults_of(caught.value, known=tuple(SessionDraft.model_fields))
    assert fault.message.startswith("is not a known field; known: ")
    assert "agent_name" in fault.message
    (fault,) = faults_of(caught.value, known=[f"field{number}" for number in range(1000)])
    assert len(fault.message) < 500


def test_several_fields_are_told_apart() -> None:
    """In the order of the fields."""
    told = faults(ChatCompletionRequest, ASKED | {"stream": "yes", "n": "1", "user": 5})
    assert [field for field, _ in told] == ["stream", "n", "user"]
