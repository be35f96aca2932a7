"""Translates what an Agent, Team or Workflow streams into the events of an agent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TypeAlias, cast

from agno.models.response import ToolExecution
from agno.run import agent as of_agent
from agno.run import team as of_team
from agno.run import workflow as of_workflow
from agno.run.base import BaseRunOutputEvent
from pydantic_core import to_json, to_jsonable_python

from gateway.core.events import (
    AgentEvent,
    Citation,
    DataPart,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolResult,
    UsageReport,
)
from gateway.core.model import JsonObject, JsonValue, Usage

Content: TypeAlias = of_agent.RunContentEvent | of_team.RunContentEvent
Custom: TypeAlias = of_agent.CustomEvent | of_team.CustomEvent | of_workflow.CustomEvent
OUTPUT = "output"
"""The name of the part with structured output."""
CUSTOM = "custom"
"""The name of the part with data that a tool or a step streams."""
COMMON = frozenset(
    field.name
    for kind in (of_agent.CustomEvent, of_team.CustomEvent, of_workflow.CustomEvent)
    for field in fields(kind)
)


class Translator:
    """The events of one run, as they come. `run_id`: the run's own; `steps`: whether its children speak for it."""

    def __init__(self, run_id: str, *, steps: bool) -> None:
        self._run_id = run_id
        self._steps = steps
        self._speaker = ""
        self._said = False
        self._answered: set[str] = set()
        """Calls whose result was shown."""

    def event(self, event: BaseRunOutputEvent) -> Iterator[AgentEvent]:
        """Returns what people are shown of it."""
        match event:
            case of_agent.RunContentEvent() | of_team.RunContentEvent():
                if self._is_shown(event.parent_run_id):
                    yield from self._content(event)
            case of_agent.ReasoningContentDeltaEvent() | of_team.ReasoningContentDeltaEvent():
                yield from self._reasoning(event.reasoning_content)
            case of_agent.ModelRequestCompletedEvent() | of_team.ModelRequestCompletedEvent():
                yield UsageReport(_usage(event))
            case of_agent.CustomEvent() | of_team.CustomEvent() | of_workflow.CustomEvent():
                yield DataPart(CUSTOM, _custom(event))
            case of_agent.RunCompletedEvent() | of_team.RunCompletedEvent() | of_workflow.WorkflowCompletedEvent():
                yield from self._completed(event.run_id, event.content)
            case _:
                yield from self._tool(event)

    def _tool(self, event: BaseRunOutputEvent) -> Iterator[AgentEvent]:
        match event:
            case of_agent.ToolCallStartedEvent() | of_team.ToolCallStartedEvent() if event.tool is not None:
                self._speaker = ""
                tool = event.tool
                yield ToolCall(tool.tool_call_id or "", tool.tool_name or "", _json_object(tool.tool_args))
            case of_agent.ToolCallCompletedEvent() | of_team.ToolCallCompletedEvent() if event.tool is not None:
                yield from self._result(event.tool, event.tool.result)
            case of_agent.ToolCallErrorEvent() | of_team.ToolCallErrorEvent() if event.tool is not None:
                yield from self._result(event.tool, event.error, failed=True)
            case _:
                return

    def _completed(self, run_id: str | None, content: object) -> Iterator[AgentEvent]:
        """The answer of functions, and of members that answer for their team."""
        if run_id == self._run_id and not self._said and content is not None:
            yield from self._text(self._run_id, content)

    def _is_shown(self, parent: str | None) -> bool:
        """A team's members report to it; a workflow's steps answer for it."""
        return not parent or (self._steps and parent == self._run_id)

    def _content(self, event: Content) -> Iterator[AgentEvent]:
        yield from self._reasoning(event.reasoning_content)
        if event.content:
            yield from self._text(event.run_id or "", event.content)
        for page in (event.citations.urls if event.citations is not None else None) or ():
            if page.url:
                yield Citation(page.url, page.title or "")

    def _text(self, speaker: str, content: object) -> Iterator[AgentEvent]:
        if not isinstance(content, str):
            yield DataPart(OUTPUT, cast("JsonValue", to_jsonable_python(content, fallback=str)))
            if self._said:
                return
            content = to_json(content, fallback=str).decode()
        if self._speaker not in {"", speaker}:
            yield TextDelta("\n\n")
        self._speaker, self._said = speaker, True
        yield TextDelta(content)

    def _reasoning(self, text: str | None) -> Iterator[AgentEvent]:
        if text:
            self._speaker = ""
            yield ReasoningDelta(text)

    def _result(self, tool: ToolExecution, output: str | None, *, failed: bool = False) -> Iterator[AgentEvent]:
        call_id = tool.tool_call_id or ""
        if call_id in self._answered:
            return
        self._answered.add(call_id)
        yield ToolResult(call_id, tool.tool_name or "", str(output or ""), failed=failed or bool(tool.tool_call_error))


def _usage(event: of_agent.ModelRequestCompletedEvent | of_team.ModelRequestCompletedEvent) -> Usage:
    return Usage(
        event.input_tokens or 0,
        event.output_tokens or 0,
        event.model or "",
        cache_read_tokens=event.cache_read_tokens or 0,
        cache_write_tokens=event.cache_write_tokens or 0,
    )


def _custom(event: Custom) -> JsonValue:
    return _json_object({name: value for name, value in vars(event).items() if name not in COMMON})


def _json_object(given: object) -> JsonObject:
    return cast("JsonObject", to_jsonable_python(given or {}, fallback=str))
