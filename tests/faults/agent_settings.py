"""Settings of agents that break."""

from __future__ import annotations

from typing import Any


def agent(name: str, **given: Any) -> dict[str, Any]:
    """Settings with an agent of `tests.faults.odd_agents` as the only one."""
    return {"assistant": {"kind": "python", "target": f"tests.faults.odd_agents:{name}", **given}}
