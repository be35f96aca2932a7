"""An agent that costs nothing, so that only the gateway is measured."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from bench.conversation import REPLY
from gateway.core.model import Turn


async def answer(_turn: Turn) -> AsyncGenerator[str, None]:
    """One delta, at once."""
    yield REPLY
