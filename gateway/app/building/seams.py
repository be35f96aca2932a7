"""What tests may insert between the parts of a gateway when it is built: deliberate faults, and a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from channels.websocket.parts import Parts as SocketParts
from gateway.api.parts import ApiParts
from gateway.app.building.stores import Stores
from gateway.core.ports.agents import Agent
from gateway.core.ports.channels import Channel
from gateway.core.service import Intake
from storage.pools import USUAL, Timeouts

Port = TypeVar("Port")


def as_it_is(port: Port) -> Port:
    """Inserts nothing."""
    return port


def with_calls(port: Port, **calls: object) -> Port:
    """Returns the port with some of its methods replaced."""
    for name in calls:
        getattr(port, name)  # raises for a method that the port doesn't have
    return cast("Port", _WithCalls(port, calls))


class _WithCalls:
    def __init__(self, port: object, calls: Mapping[str, object]) -> None:
        self._port = port
        self._calls = calls

    def __getattr__(self, name: str) -> object:
        return self._calls[name] if name in self._calls else getattr(self._port, name)


@dataclass(frozen=True, slots=True)
class Seams:
    """Each function receives a port, or what a part is built with, and returns what is used in its place."""

    stores: Callable[[Stores], Stores] = as_it_is
    intake: Callable[[Intake], Intake] = as_it_is
    agent: Callable[[Agent], Agent] = as_it_is
    channel: Callable[[Channel], Channel] = as_it_is
    api: Callable[[ApiParts], ApiParts] = as_it_is
    sockets: Callable[[SocketParts], SocketParts] = as_it_is
    database: Timeouts = USUAL
    """How long requests wait for the database."""
    clock: Callable[[], float] = time.monotonic
    """The clock, in seconds, that decides for how long a token, a link or a key is trusted, and how long a stream has been idle."""
