"""What an attempt at a turn has produced so far."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Literal

from gateway.core.content.cleaning import clean, clean_object
from gateway.core.events import (
    AgentEvent,
    AgentSession,
    ApprovalRequest,
    Choices,
    ReasoningDelta,
    ShownEvent,
    StateChange,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    UsageReport,
    WholePart,
)
from gateway.core.model import JsonObject, Usage
from gateway.core.state.changes import StateChanges
from gateway.core.turns.counting import countable
from gateway.core.turns.parts import part_of, replaces
from gateway.core.turns.questions import checked, listed, numbered, options_of

MOST_PARTS = 10_000
LONGEST_NAME = 1_000  # characters of the agent's own session id
LONGEST_STATUS = 200
LARGEST_CHANGES = 1_048_576
CALL_LENGTH = 100  # characters that each call counts for, whatever its arguments
CUT = "\n\n[The rest of this answer was cut off because it exceeded {limit} characters.]"
BESIDE_ANSWERS = frozenset({"reasoning", "source-url"})
"""Parts that are no answer by themselves."""


class Draft:
    """Collects an agent's events into a reply's content and parts.

    A tool call ends a run of text, and so does reasoning; other parts stand beside it.
    """

    def __init__(self, limit: int, state_limit: int = LARGEST_CHANGES, usage: Usage | None = None) -> None:
        """`limit`: characters of the answer; `state_limit`: bytes of changes to the state; `usage`: that of earlier attempts."""
        self._limit = limit
        self._room = limit
        self._room_for_parts = limit
        self._room_for_reasoning = limit
        self._room_for_inputs = limit
        self._run: list[str] = []
        self._run_kind: Literal["text", "reasoning"] = "text"
        self._run_part: JsonObject = {}
        self._texts: list[str] = []
        self._parts: list[JsonObject] = []
        self._calls: dict[str, JsonObject] = {}
        self.usage = usage
        self.agent_session: str | None = None
        self.request: ApprovalRequest | None = None
        """The question that the run ended with."""
        self.state = StateChanges(state_limit)
        self.closed = False
        """Whether events are ignored: the limit was reached, or the attempt is over."""

    def add(self, event: AgentEvent) -> ShownEvent | None:
        """Adds the next event. Text beyond the limit is dropped and closes the draft; tools, parts and reasoning have limits of the same size.

        Returns the event as stored, for followers; None if there is nothing to show them. Raises `AgentError` for a part
        that clients cannot use.
        """
        match event:
            case TextDelta(text):
                return self._add_text(text)
            case UsageReport() | StateChange() | AgentSession() | ApprovalRequest():
                self._keep(event)
                return None
            case Status(text):
                return Status(clean(text)[:LONGEST_STATUS])
            case _:
                return self._add_step(event)

    def _keep(self, event: UsageReport | StateChange | AgentSession | ApprovalRequest) -> None:
        match event:
            case UsageReport(usage):
                used = countable(usage)
                self.usage = used if self.usage is None else self.usage + used
            case StateChange():
                self.state.add(event)
            case AgentSession(name):
                self.agent_session = clean(name)[:LONGEST_NAME] or None
            case ApprovalRequest():
                self._ask(event)

    def _add_step(
        self, event: ReasoningDelta | ToolInputDelta | ToolCall | ToolResult | WholePart | Choices
    ) -> ShownEvent | None:
        match event:
            case ReasoningDelta(text):
                return self._add_reasoning(text)
            case ToolInputDelta():
                return self._add_input(event)
            case ToolCall():
                return self._add_call(event)
            case ToolResult():
                return self._add_result(event)
            case Choices():
                return self._offer(event)
            case _:
                return self._add_whole(event)

    def _add_text(self, text: str) -> TextDelta:
        kept = text[: self._room]
        self._room -= len(kept)
        self.closed = len(kept) < len(text)
        if self.closed:
            kept += CUT.format(limit=self._limit)
        self._continue_run("text", kept)
        return TextDelta(kept)

    def _add_reasoning(self, text: str) -> ReasoningDelta | None:
        kept = text[: self._room_for_reasoning]
        self._room_for_reasoning -= len(kept)
        if not kept:
            return None
        self._continue_run("reasoning", kept)
        return ReasoningDelta(kept)

    def _add_input(self, delta: ToolInputDelta) -> ToolInputDelta | None:
        """It is only shown: the call has all of it."""
        fits = len(delta.text) <= self._room_for_inputs
        self._room_for_inputs -= len(delta.text) if fits else 0
        return delta if fits else None

    def _add_call(self, call: ToolCall) -> ToolCall:
        """Calls count together with their arguments; an answer with too many of them ends there."""
        self._end_run()
        fits = self._takes(len(json.dumps(call.input)) + len(call.name) + CALL_LENGTH)
        kept = replace(call, input=clean_object(call.input) if fits else {})
        part: JsonObject = {
            "type": f"tool-{clean(call.name)}",
            "toolCallId": clean(call.call_id),
            "state": "input-available",
            "input": kept.input,
        }
        self._calls[call.call_id] = part
        self._add_part(part)
        return kept

    def _add_result(self, result: ToolResult) -> ToolResult:
        kept = replace(result, output=clean(result.output[: self._room_for_parts]))
        self._room_for_parts -= len(kept.output)
        self._calls.get(result.call_id, {}).update(
            {"state": "output-error", "errorText": kept.output}
            if result.failed
            else {"state": "output-available", "output": kept.output}
        )
        return kept

    def _add_whole(self, event: WholePart) -> WholePart | None:
        """A part that exceeds the limit is left out."""
        part = part_of(event)
        if not self._takes(len(json.dumps(part))):
            return None
        known = next((one for one in self._parts if replaces(part, one)), None)
        if known is not None:
            known.update(part)
        else:
            self._add_part(part)
        return event

    def _takes(self, length: int) -> bool:
        fits = length <= self._room_for_parts
        self._room_for_parts -= min(length, self._room_for_parts)
        return fits

    def _add_part(self, part: JsonObject) -> None:
        self._parts.append(part)
        if len(self._parts) >= MOST_PARTS:
            self._continue_run("text", CUT.format(limit=self._limit))
            self.closed = True

    def _continue_run(self, kind: Literal["text", "reasoning"], piece: str) -> None:
        if kind != self._run_kind:
            self._end_run()
            self._run_kind = kind
        if not self._run:
            # Parts that arrive during the run follow it; its text is set when it ends.
            self._run_part = {"type": kind}
            self._parts.append(self._run_part)
        self._run.append(piece)

    def _ask(self, request: ApprovalRequest) -> None:
        """Ends the run with a question, which needs room of its own."""
        self.request = checked(request)
        self._end_run()
        self._texts.append(f"{self.request.text}\n\n{numbered(self.request.choices)}")
        self._parts.append({"type": "text", "text": self.request.text})
        self.closed = True

    def _offer(self, choices: Choices) -> TextDelta | None:
        """The options are a part of their own; people without buttons read them in the content."""
        options = options_of(choices)
        told = self._add_text(choices.text) if choices.text else None
        self._end_run()
        self._texts.append(listed(options))
        self._parts.append({"type": "data-choices", "data": {"choices": [*options]}})
        return told

    def _end_run(self) -> None:
        if not self._run:
            return
        text = clean("".join(self._run))
        self._run.clear()
        if not text:
            self._parts = [part for part in self._parts if part is not self._run_part]
            return
        self._run_part["text"] = text
        if self._run_kind == "text":
            self._texts.append(text)

    def finish(self) -> tuple[str, tuple[JsonObject, ...]]:
        """Returns content and parts; both are empty if nothing was said."""
        self._end_run()
        if all(part["type"] in BESIDE_ANSWERS for part in self._parts):
            return "", ()
        return "\n\n".join(self._texts), tuple(self._parts)
