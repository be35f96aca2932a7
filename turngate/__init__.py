"""The public names for authors of agents and channels; docs/python.md describes each. Everything else is internal."""

from __future__ import annotations

from importlib.metadata import version

from gateway.core.events import AgentEvent, AgentSession, StateChange, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.intake.message_rates import MessageRates
from gateway.core.model import (
    Address,
    AgentName,
    ChannelName,
    Chunk,
    InboundMessage,
    JsonNotes,
    JsonObject,
    JsonValue,
    Message,
    MessageId,
    MessageKind,
    Role,
    Route,
    SessionId,
    State,
    StateSection,
    Turn,
    TurnId,
    Usage,
    UserId,
)
from gateway.core.networks import (
    ChannelKind,
    ChannelParts,
    ChannelState,
    ChannelStatus,
    CheckedCall,
    IsPolled,
    Network,
)
from gateway.core.ports.agents import Agent, Branching, Checking, Closing, Titling
from gateway.core.ports.channels import MayLeave, Moves, PollLeases, Quarantine
from gateway.core.ports.routes import Routes
from gateway.core.ports.turns import Acceptance
from gateway.core.ports.users.links import Person
from gateway.core.ports.webhooks import Webhook, WebhookReceiver, WebhookRequest, WebhookResponse
from gateway.core.service import Intake, Notice
from gateway.core.users.links import Links
from gateway.errors import (
    AgentError,
    Conflict,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    DeliveryUnknown,
    ErrorClass,
    GatewayError,
    InvalidInput,
    SenderChanged,
    SettingsError,
    StoreUnavailable,
    TooManyRequests,
)
from gateway.settings import ChannelSettings

__all__ = [
    "Acceptance",
    "Address",
    "Agent",
    "AgentError",
    "AgentEvent",
    "AgentName",
    "AgentSession",
    "Branching",
    "ChannelKind",
    "ChannelName",
    "ChannelParts",
    "ChannelSettings",
    "ChannelState",
    "ChannelStatus",
    "CheckedCall",
    "Checking",
    "Chunk",
    "Closing",
    "Conflict",
    "DeliveryDeferred",
    "DeliveryError",
    "DeliveryRefused",
    "DeliveryUnknown",
    "ErrorClass",
    "GatewayError",
    "InboundMessage",
    "Intake",
    "InvalidInput",
    "IsPolled",
    "JsonNotes",
    "JsonObject",
    "JsonValue",
    "Links",
    "MayLeave",
    "Message",
    "MessageId",
    "MessageKind",
    "MessageRates",
    "Moves",
    "Network",
    "Notice",
    "Person",
    "PollLeases",
    "Quarantine",
    "Role",
    "Route",
    "Routes",
    "SenderChanged",
    "SessionId",
    "SettingsError",
    "State",
    "StateChange",
    "StateSection",
    "StoreUnavailable",
    "TextDelta",
    "Titling",
    "TooManyRequests",
    "ToolCall",
    "ToolResult",
    "Turn",
    "TurnId",
    "Usage",
    "UsageReport",
    "UserId",
    "Webhook",
    "WebhookReceiver",
    "WebhookRequest",
    "WebhookResponse",
]

__version__ = version("turngate")
