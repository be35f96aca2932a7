"""An agent of Pydantic AI with a tool that knows who is asking.

Without a key, the library's test model answers: it calls every tool and repeats the results. For a real one, name it:
MODEL=openai:gpt-5-mini OPENAI_API_KEY=… turngate serve
"""

from __future__ import annotations

import os
import secrets

from pydantic_ai import Agent, RunContext

from turngate import Turn

agent = Agent(
    os.environ.get("MODEL", "test"),
    deps_type=Turn,
    instructions="You throw dice for people. Be brief, and use the tool: you cannot throw them yourself.",
)


@agent.tool
def throw(context: RunContext[Turn], dice: int = 1) -> str:
    """Throws some dice with six sides."""
    numbers = [secrets.randbelow(6) + 1 for _ in range(max(1, min(dice, 20)))]
    return f"{context.deps.user_id} threw {', '.join(map(str, numbers))}"
