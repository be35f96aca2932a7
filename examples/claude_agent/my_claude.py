"""A tool of your own for an agent of kind `claude`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, create_sdk_mcp_server, tool

from turngate import Turn


@tool("now", "Tells the date and time in UTC.", {})
async def now(_given: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": datetime.now(UTC).isoformat(timespec="minutes")}]}


def options(turn: Turn) -> ClaudeAgentOptions:
    """Called for every turn, so that they may depend on who asks."""
    return ClaudeAgentOptions(
        system_prompt=f"You are friendly and brief. You are talking to {turn.sender.name or 'somebody'}.",
        mcp_servers={"clock": create_sdk_mcp_server("clock", tools=[now])},
        allowed_tools=["mcp__clock__now"],
    )
