"""Settings of agents that break."""

from __future__ import annotations

from typing import Any


def agent(name: str, **given: Any) -> dict[str, Any]:
    """Settings with an agent of `tests.faults.misbehaving_agents` as the only one."""
    return {"assistant": {"kind": "python", "target": f"tests.faults.misbehaving_agents:{name}", **given}}
