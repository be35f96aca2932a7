"""Options for agents of kind `claude`, as their authors would write them."""

from __future__ import annotations

from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, create_sdk_mcp_server, tool

from gateway.core.model import Turn


@tool("add", "Adds two numbers.", {"a": int, "b": int})
async def add(given: dict[str, Any]) -> dict[str, Any]:
    """The sum, as text."""
    return {"content": [{"type": "text", "text": str(given["a"] + given["b"])}]}


calculator = ClaudeAgentOptions(
    mcp_servers={"calc": create_sdk_mcp_server("calc", tools=[add])}, allowed_tools=["mcp__calc__add"]
)
forbidden = ClaudeAgentOptions(mcp_servers={"calc": create_sdk_mcp_server("calc", tools=[add])})


async def personal(turn: Turn) -> ClaudeAgentOptions:
    """Depends on who asks."""
    return ClaudeAgentOptions(system_prompt=f"You serve {turn.user_id}.")


def wrong(turn: Turn) -> str:
    """No options."""
    return turn.text
