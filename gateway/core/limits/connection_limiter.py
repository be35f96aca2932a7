"""Which connections stay open: silent ones make room for those that send requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.limits.addresses import AddressRule
from gateway.core.tasks.waiting import Alarm

Reason = Literal["silent", "address", "full"]
"""No request within the limit; too many from one address; no room left in this process."""


class Connection(Protocol):
    """One connection. `address`: of its peer."""

    @property
    def address(self) -> str: ...

    def drop(self) -> None:
        """Closes it at once."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`per_address`: None is no limit. `header_s`: seconds until a request's header must be complete. `capacity`: connections in all."""

    per_address: int | None
    header_s: float
    capacity: int


class ConnectionLimiter:
    """The open connections of a port. Loopback and trusted proxies, which may stand for many clients, are not counted by address."""

    def __init__(
        self, limits: ConnectionLimits, proxies: AddressRule, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._proxies = proxies
        self._clock = clock
        self._open: set[Connection] = set()
        # Both in the order of their start.
        self._waiting: dict[Connection, float] = {}
        self._idle: dict[Connection, None] = {}
        self._of_address: Counter[str] = Counter()
        self.dropped: Counter[tuple[Reason, str]] = Counter()
        """Connections dropped since this was last read, with their addresses."""
        self.alarm = Alarm()
        """Goes off when a deadline passes, and when a connection was dropped."""

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Admits a new connection, which must send a request from now on, or drops it or another one; returns whether it may stay."""
        address = self._counted(connection.address)
        limit = self._limits.per_address
        if address and limit is not None and self._of_address[address] >= limit:
            return self._refuse(connection, "address")
        if len(self._open) >= self._limits.capacity and not self._made_room():
            return self._refuse(connection, "full")
        self._open.add(connection)
        self._of_address[address] += 1
        self._waits(connection)
        return True

    def heard(self, connection: Connection) -> None:
        """Data arrived between two requests: the header of the next one is due."""
        if connection in self._idle:
            del self._idle[connection]
            self._waits(connection)

    def begins(self, connection: Connection) -> None:
        """A request's header is complete; its answer may take its time."""
        self._waiting.pop(connection, None)
        self._idle.pop(connection, None)

    def ends(self, connection: Connection) -> None:
        """A request was answered; the connection may be reused."""
        if connection in self._open:
            self._idle[connection] = None

    def leave(self, connection: Connection) -> None:
        """The connection is closed."""
        if connection in self._open:
            self._open.remove(connection)
            self.begins(connection)
            address = self._counted(connection.address)
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    def sweep(self) -> None:
        """Drops connections whose header is overdue."""
        due = self._clock() - self._limits.header_s
        for connection in [found for found, since in self._waiting.items() if since <= due]:
            self._drop(connection, "silent")
        if (begun := next(iter(self._waiting.values()), None)) is not None:
            self.alarm.set(begun - due)

    def _waits(self, connection: Connection) -> None:
        self._waiting[connection] = self._clock()
        self.alarm.set(self._limits.header_s)

    def _made_room(self) -> bool:
        """Drops the connection that has been silent longest; returns whether there was one."""
        silent = next(self._least_needed(), None)
        if silent is not None:
            self._drop(silent, "full")
        return silent is not None

    def _least_needed(self) -> Iterator[Connection]:
        yield from self._waiting
        yield from self._idle

    def _refuse(self, connection: Connection, reason: Reason) -> bool:
        self.dropped[reason, connection.address] += 1
        self.alarm.set(0)
        connection.drop()
        return False

    def _drop(self, connection: Connection, reason: Reason) -> None:
        self.leave(connection)
        self._refuse(connection, reason)

    def _counted(self, peer: str) -> str:
        """The address that a connection counts towards; none for loopback and proxies."""
        return "" if self._proxies.is_shared(peer) else self._proxies.client(peer)
