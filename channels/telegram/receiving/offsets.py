"""Which getUpdates offset confirms which updates. Pure.

An offset confirms every update with a lower id. Ids increase, but restart at a random, possibly lower number after an idle week
(Bot API, getting updates), and a malformed update may come without one.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence


def offset_after(ids: Sequence[int | None], settled: Container[int], offset: int) -> int:
    """Returns the next offset after a batch of updates with these ids; 0: none is known yet.

    `settled` contains positions within the batch; those before the first missing one are confirmed. An update without an id
    confirms nothing, since any number could be another update's: it comes again until one with an id follows it.
    """
    known = [found for found in _leading(ids, settled) if found is not None]
    return max(known) + 1 if known else offset


def _leading(ids: Sequence[int | None], settled: Container[int]) -> Iterator[int | None]:
    for position, found in enumerate(ids):
        if position not in settled:
            return
        yield found
