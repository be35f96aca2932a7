"""An MCP server with one tool, over real HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from mcp.server import MCPServer

from tests.world import eventually


@asynccontextmanager
async def dice() -> AsyncIterator[str]:
    """Yields its URL."""
    server = MCPServer("dice")

    @server.tool()
    def roll(sides: int) -> str:
        """Rolls a die."""
        return f"3 of {sides}"

    serving = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_config=None))
    place = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(serving.serve([place]))

    async def started() -> bool:
        return serving.started

    await eventually(started)
    yield f"http://127.0.0.1:{place.getsockname()[1]}/mcp"
    serving.should_exit = True
    await task
