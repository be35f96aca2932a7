"""Counts wrong tokens by address: this slows guessing down, but never a client that repeats one mistake."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256

from gateway.core.limits.rates import Rates
from gateway.errors import TooManyRequests, Unauthenticated

SETTING = "limits.wrong_tokens_per_minute"
REMEMBERED = 10_000
"""Tokens remembered at most, valid and wrong ones each, as digests."""


class WrongTokenLimiter:
    """Counts distinct wrong tokens; None is no limit.

    Others at the guesser's address (a company's, a proxy's) are not kept out if their token was valid before or is signed with
    a known key.
    """

    def __init__(
        self, per_minute: int | None, clock: Callable[[], float] = time.monotonic, remembered: int = REMEMBERED
    ) -> None:
        self._rates = None if per_minute is None else Rates(per_minute, setting=SETTING, clock=clock)
        self._remembered = remembered
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._wrong) + len(self._good)

    @contextmanager
    def counted(
        self, address: str, token: str, is_signed: Callable[[str], bool] = lambda _token: False
    ) -> Iterator[None]:
        """Wraps the check of a token. Raises `TooManyRequests` before another guess is checked.

        `is_signed`: whether a token proves itself by its signature and thus is no guess.
        """
        if self._rates is None:
            yield
            return
        key = sha256(token.encode("utf-8", "replace")).digest()
        if key not in self._good:
            self._require(self._rates, address, token, is_signed)
        try:
            yield
        except Unauthenticated:
            self._good.pop(key, None)
            if key not in self._wrong:
                self._rates.take(address)
            self._remember(self._wrong, key)
            raise
        self._remember(self._good, key)

    @staticmethod
    def _require(rates: Rates, address: str, token: str, is_signed: Callable[[str], bool]) -> None:
        try:
            rates.require(address)
        except TooManyRequests:
            if not is_signed(token):
                raise

    def _remember(self, memory: OrderedDict[bytes, None], key: bytes) -> None:
        memory[key] = None
        memory.move_to_end(key)
        if len(memory) > self._remembered:
            memory.popitem(last=False)
