"""A turn as AG-UI's `RunAgentInput`; pure."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from ag_ui.core import AssistantMessage, FunctionCall, Message, RunAgentInput, ToolCall, ToolMessage, UserMessage

from gateway.agents.http.pieces import as_output
from gateway.core.model import JsonObject, Turn
from gateway.core.model import Message as Row

TOOL = "tool-"


def body_of(turn: Turn, remaining_s: float) -> bytes:
    """Returns the request's body. What AG-UI has no place for is in `forwardedProps.turngate`."""
    state = turn.state
    run = RunAgentInput.model_construct(
        thread_id=turn.session_id,
        run_id=turn.idempotency_key,
        state={} if state is None else state.blackboard,
        messages=[message for row in (*turn.history, *turn.messages) for message in _messages(row)],
        tools=[],
        context=[],
        forwarded_props={"turngate": _rest(turn, remaining_s)},
    )
    return run.model_dump_json(by_alias=True).encode()


def _rest(turn: Turn, remaining_s: float) -> JsonObject:
    sender = turn.sender
    return {
        "version": 1,
        "turn_id": turn.idempotency_key,
        "attempt": turn.attempt,
        "deadline_s": round(remaining_s, 3),
        "user_id": turn.user_id,
        "sender": {"name": sender.name, "locale": sender.locale, "time_zone": sender.time_zone},
        "agent": turn.agent,
        "channel": turn.channel,
        "metadata": turn.metadata,
    }


def _messages(row: Row) -> Iterator[Message]:
    """A row of the transcript: what was said, the tools that were called, and what they returned."""
    if row.deleted:
        return
    if row.role == "user":
        yield UserMessage(id=row.id, content=row.content)
        return
    tools = [part for part in row.parts if str(part["type"]).startswith(TOOL)]
    if tools:
        yield AssistantMessage(id=f"{row.id}-tools", tool_calls=[_call(part) for part in tools])
        yield from (_result(row, part) for part in tools)
    yield AssistantMessage(id=row.id, content=row.content)


def _call(part: JsonObject) -> ToolCall:
    arguments = orjson.dumps(part.get("input")).decode()
    name = str(part["type"]).removeprefix(TOOL)
    return ToolCall(id=str(part["toolCallId"]), function=FunctionCall(name=name, arguments=arguments))


def _result(row: Row, part: JsonObject) -> ToolMessage:
    """Models want a result for every call, so a call that has none gets an empty one."""
    call_id, failure = str(part["toolCallId"]), part.get("errorText")
    told = as_output(part.get("output", "") if failure is None else failure)
    error = None if failure is None else str(failure)
    return ToolMessage(id=f"{row.id}-{call_id}", tool_call_id=call_id, content=told, error=error)
