"""The chunks of AI SDK's UI message stream, one function each (`uiMessageChunkSchema` of the npm package `ai`).

Uses only fields known to every release since 5.0.0: the first ones reject a chunk with any other.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from gateway.core.model import JsonObject, TurnId, TurnStatus
from gateway.core.ports.sessions.sessions import TurnOutcome

RunKind: TypeAlias = Literal["text", "reasoning"]
START_STEP: JsonObject = {"type": "start-step"}
FINISH_STEP: JsonObject = {"type": "finish-step"}
FINISH: JsonObject = {"type": "finish"}
ABORT: JsonObject = {"type": "abort"}


def start(message_id: str, metadata: JsonObject) -> JsonObject:
    """The answer starts; a client that knows its id replaces its copy when it resumes."""
    return {"type": "start", "messageId": message_id, "messageMetadata": metadata}


def run_start(kind: RunKind, part_id: str) -> JsonObject:
    """A stretch of text or reasoning begins."""
    return {"type": f"{kind}-start", "id": part_id}


def run_delta(kind: RunKind, part_id: str, text: str) -> JsonObject:
    return {"type": f"{kind}-delta", "id": part_id, "delta": text}


def run_end(kind: RunKind, part_id: str) -> JsonObject:
    return {"type": f"{kind}-end", "id": part_id}


def tool_input_start(call_id: str, name: str) -> JsonObject:
    """The model begins to write a call's input."""
    return {"type": "tool-input-start", "toolCallId": call_id, "toolName": name}


def tool_input_delta(call_id: str, text: str) -> JsonObject:
    return {"type": "tool-input-delta", "toolCallId": call_id, "inputTextDelta": text}


def part(content: JsonObject) -> JsonObject:
    """A part that arrives whole. The first releases know no name of a file."""
    return {name: value for name, value in content.items() if name != "filename"}


def status(turn_id: TurnId, text: str) -> JsonObject:
    """What the agent is doing; clients don't keep it."""
    return {"type": "data-status", "data": {"turnId": str(turn_id), "text": text}, "transient": True}


def tool_input(call_id: str, name: str, given: JsonObject) -> JsonObject:
    return {"type": "tool-input-available", "toolCallId": call_id, "toolName": name, "input": given}


def tool_output(call_id: str, output: str, *, failed: bool) -> JsonObject:
    if failed:
        return {"type": "tool-output-error", "toolCallId": call_id, "errorText": output}
    return {"type": "tool-output-available", "toolCallId": call_id, "output": output}


def turn(turn_id: TurnId, session_id: str, status: TurnStatus, attempt: int, *, elsewhere: bool = False) -> JsonObject:
    """The status of the turn. The part's id is always the same, so a client updates it in place."""
    data: JsonObject = {"turnId": str(turn_id), "sessionId": session_id, "status": status, "attempt": attempt}
    data |= {"live": False} if elsewhere else {}
    return {"type": "data-turn", "id": str(turn_id), "data": data}


def notice(text: str, *, session_ended: bool) -> JsonObject:
    """The answer to a chat command, for programs; people read the text part beside it."""
    return {"type": "data-notice", "data": {"text": text, "sessionEnded": session_ended}, "transient": True}


def ended(outcome: TurnOutcome) -> JsonObject:
    """What is known about the answer once it is a row of the transcript."""
    metadata: JsonObject = {"reply_id": outcome.reply.id, "seq": outcome.reply.seq, "status": outcome.status}
    return {"type": "message-metadata", "messageMetadata": metadata}


def error(text: str) -> JsonObject:
    return {"type": "error", "errorText": text}
