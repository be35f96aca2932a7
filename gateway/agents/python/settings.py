"""The settings of an agent that is your own Python."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.agents.settings import AgentBase


def checked_target(value: str) -> str:
    """Raises `ValueError` for text that is not `package.module:object`."""
    if re.fullmatch(r"[\w.]+:[\w.]+", value) is None:
        raise ValueError(f"should be package.module:object, such as my_agents:answer; it is {value[:100]!r}")
    return value


class PythonAgentSettings(AgentBase):
    """Your own async function or generator."""

    kind: Literal["python"]
    target: Annotated[str, AfterValidator(checked_target)] = Field(description="`package.module:object`")
