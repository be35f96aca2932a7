"""A graph's interrupts as questions to people, and their answers as a graph expects them; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import orjson
from langgraph.types import Command, Interrupt

from gateway.agents.langgraph.place import Place
from gateway.core.events import ApprovalRequest
from gateway.core.model import ApprovalAnswer, JsonObject

APPROVE, REJECT = "Approve", "Reject"
LONGEST_INPUT = 500
"""Characters of a tool's input that a question shows."""


def question_of(interrupt: Interrupt, place: Place) -> ApprovalRequest:
    """`place`: where the graph waits. Its value is a text, an object with `question` and `choices`, or a request of LangChain's middleware."""
    resume: JsonObject = {"place": str(place), "interrupt": interrupt.id}
    match interrupt.value:
        case {"action_requests": [*actions]}:
            return _of_middleware(cast("Sequence[Mapping[str, object]]", actions), resume)
        case {"question": str(text), "choices": [*choices]}:
            return ApprovalRequest(text, [str(choice) for choice in choices], resume=resume)
        case {"question": str(text)} | str(text):
            return ApprovalRequest(text, resume=resume)
        case other:
            return ApprovalRequest(f"May I go on?\n\n{_json(other)}", resume=resume)


def answer_to(answer: ApprovalAnswer) -> tuple[Place, Command[str]] | None:
    """Returns where to go on and with what; None if the question was not a graph's."""
    match answer.resume:
        case {"place": str(place), "interrupt": str(name), **more}:
            value: object = answer.text or answer.choice
            if isinstance(count := more.get("decisions"), int):
                value = {"decisions": [_decision(answer)] * count}
            return Place.of(place), Command(resume={name: value})
        case _:
            return None


def _of_middleware(actions: Sequence[Mapping[str, object]], resume: JsonObject) -> ApprovalRequest:
    asked = [str(action.get("description") or f"{action['name']}: {_json(action.get('args'))}") for action in actions]
    first = actions[0]
    given = first.get("args") if len(actions) == 1 else None
    return ApprovalRequest(
        "\n".join(("May I do this?", *asked)),
        (APPROVE, REJECT),
        tool=str(first["name"]) if len(actions) == 1 else "",
        input=cast("JsonObject", given) if isinstance(given, dict) else {},
        resume={**resume, "decisions": len(actions)},
    )


def _decision(answer: ApprovalAnswer) -> JsonObject:
    if answer.choice == APPROVE:
        return {"type": "approve"}
    return {"type": "reject", "message": answer.text or "The person said no."}


def _json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()[:LONGEST_INPUT]
