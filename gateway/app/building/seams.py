"""What may be put between the parts of a gateway when it is built: faults on purpose, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gateway.app.building.stores import Stores
from gateway.core.ports.agents import Agent
from gateway.core.ports.channels import Channel
from gateway.core.service import Intake

Port = TypeVar("Port")


def as_it_is(port: Port) -> Port:
    """Nothing in between."""
    return port


@dataclass(frozen=True, slots=True)
class Seams:
    """Each function gets a port and answers what is used in its place."""

    stores: Callable[[Stores], Stores] = as_it_is
    intake: Callable[[Intake], Intake] = as_it_is
    agent: Callable[[Agent], Agent] = as_it_is
    channel: Callable[[Channel], Channel] = as_it_is
