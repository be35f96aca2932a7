"""Agents that return what they received besides the text."""

from __future__ import annotations

import json

from gateway.core.model import Turn
from gateway.errors import AgentError


async def tells_metadata(turn: Turn) -> str:
    """The session's metadata and that of each message, as JSON."""
    told = {"session": turn.metadata, "messages": [message.metadata for message in turn.messages]}
    return json.dumps(told | {"history": [message.metadata for message in turn.history if message.role == "user"]})


async def tells_history(turn: Turn) -> str:
    """The history's roles, kinds and texts; fails on request, with a class of error."""
    if turn.text.startswith("fail "):
        raise AgentError("a secret reason", retryable=False, error_class=turn.text.removeprefix("fail "))  # type: ignore[arg-type] # a test's own
    return json.dumps([[message.role, message.kind, message.content] for message in turn.history])
