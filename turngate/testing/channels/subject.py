"""What the author of a channel provides to the suite: the channel, and the network's side of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, get_args

from gateway.core.model import Address
from gateway.core.networks import Network
from turngate.testing.channels.doubles import RecordingIntake, RecordingMoves

Ability = Literal["delivers_ahead", "acknowledges", "repeats", "pushes", "refuses", "loses_answers", "moves"]
"""What a network can do; cases that need more are not run.

- `delivers_ahead`: it delivers a message while an earlier one, from somebody else, has not been accepted
- `acknowledges`: it learns that a message has arrived, and keeps it until then
- `repeats`: it may deliver a message again
- `pushes`: replies are pushed to it
- `refuses`: it may refuse a chunk permanently
- `loses_answers`: it may accept a chunk without confirming it
- `moves`: it may give a conversation a new address
"""
ABILITIES: tuple[Ability, ...] = get_args(Ability)


class Peer:
    """The network as the suite drives it. People are called `ann` and `bob`; each writes in private.

    A subclass overrides what its network's abilities need. The real server is best; a fake behind a real socket is good.
    """

    async def says(self, person: str, text: str) -> None:
        """A person writes. Returns at once; a message that the network keeps for the channel is delivered by itself."""
        raise NotImplementedError

    async def clogs(self, person: str) -> None:
        """Nothing that is sent to that person is read or answered any more."""
        raise NotImplementedError

    async def drains(self) -> None:
        """The gateway stops: the channel accepts nothing from now on (a network's `run` is cancelled and awaited)."""
        raise NotImplementedError

    async def acknowledged(self, person: str, text: str) -> bool:
        """`acknowledges`: whether the network knows that the message has arrived."""
        raise NotImplementedError

    async def repeats(self, person: str, text: str) -> None:
        """`repeats`: the network delivers a message again."""
        raise NotImplementedError

    @property
    def network(self) -> Network:
        """`pushes`: the channel, which is running."""
        raise NotImplementedError

    def address(self, person: str) -> Address:
        """`pushes`: that person's address."""
        raise NotImplementedError

    async def heard(self, person: str) -> Sequence[str]:
        """`pushes`: the texts that have arrived there, in order."""
        raise NotImplementedError

    async def goes_away(self) -> None:
        """`pushes`: the network becomes unreachable."""
        raise NotImplementedError

    async def comes_back(self) -> None:
        """`pushes`: it becomes reachable again."""
        raise NotImplementedError

    async def refuses(self, person: str) -> None:
        """`refuses`: nothing for that person is ever accepted again."""
        raise NotImplementedError

    async def loses_answers(self, person: str) -> None:
        """`loses_answers`: the next chunk for that person is accepted, but the response is lost."""
        raise NotImplementedError

    async def moves(self) -> tuple[Address, Address]:
        """`moves`: a conversation gets a new address; returns the old one and the new one."""
        raise NotImplementedError


class ChannelUnderTest(Protocol):
    """A channel, its network's abilities, and samples of what its network delivers."""

    @property
    def abilities(self) -> frozenset[Ability]: ...

    @property
    def samples(self) -> Sequence[bytes]:
        """Samples of what the network really delivers, as bytes; the suite damages them."""
        ...

    def normalize(self, raw: bytes) -> object:
        """Normalizes such a sample. Raises nothing but `InvalidInput`."""
        ...

    def opens(self, intake: RecordingIntake, moves: RecordingMoves) -> AbstractAsyncContextManager[Peer]:
        """Opens a channel that passes messages to `intake`, connected and ready; closed on exit."""
        ...
