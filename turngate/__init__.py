"""The public names for authors of agents and channels; docs/python.md describes each. Everything else is internal."""

from __future__ import annotations

from importlib.metadata import version

from gateway.core.events import AgentEvent, AgentSession, StateChange, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.model import (
    AgentName,
    ChannelName,
    JsonNotes,
    JsonObject,
    JsonValue,
    Message,
    MessageId,
    MessageKind,
    Role,
    SessionId,
    State,
    StateSection,
    Turn,
    TurnId,
    Usage,
    UserId,
)
from gateway.core.ports.agents import Agent, Branching, Checking, Closing, Titling
from gateway.errors import AgentError, ErrorClass, GatewayError

__all__ = [
    "Agent",
    "AgentError",
    "AgentEvent",
    "AgentName",
    "AgentSession",
    "Branching",
    "ChannelName",
    "Checking",
    "Closing",
    "ErrorClass",
    "GatewayError",
    "JsonNotes",
    "JsonObject",
    "JsonValue",
    "Message",
    "MessageId",
    "MessageKind",
    "Role",
    "SessionId",
    "State",
    "StateChange",
    "StateSection",
    "TextDelta",
    "Titling",
    "ToolCall",
    "ToolResult",
    "Turn",
    "TurnId",
    "Usage",
    "UsageReport",
    "UserId",
]

__version__ = version("turngate")
