"""A chat or topic in Telegram, and its form in routes and addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from channels.telegram.name import TELEGRAM
from gateway.core.model import Address, Route
from gateway.errors import DeliveryRefused

_WRITTEN = re.compile(rf"{TELEGRAM}:(\d{{1,20}}):(-?\d{{1,20}}):(\d{{1,20}})")


@dataclass(frozen=True, slots=True)
class Target:
    """One topic of one chat with one bot; `thread_id` 0 stands for a chat without topics, or its general one."""

    bot_id: int
    chat_id: int
    thread_id: int = 0

    @property
    def chat(self) -> str:
        """The common prefix of the routes and addresses of all topics of the chat."""
        return f"{TELEGRAM}:{self.bot_id}:{self.chat_id}:"

    @property
    def route(self) -> Route:
        return Route(str(self))

    @property
    def address(self) -> Address:
        return Address(str(self))

    @classmethod
    def parse(cls, address: Address) -> Self:
        """Parses `telegram:<bot>:<chat>:<thread or 0>`; raises `DeliveryRefused` for anything else."""
        found = _WRITTEN.fullmatch(address)
        if found is None:
            raise DeliveryRefused(
                f"{address!r} is not a Telegram address; it should be telegram:<bot>:<chat>:<topic or 0>."
            )
        return cls(*(int(number) for number in found.groups()))

    def __str__(self) -> str:
        return f"{self.chat}{self.thread_id}"
