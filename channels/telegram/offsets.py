"""Which getUpdates offset confirms what. Pure.

An offset confirms every update with a lower id. Ids rise, but begin anew somewhere, maybe lower, after an idle week
(Bot API, getting updates), and a malformed update may come without one.
"""

from __future__ import annotations

from collections.abc import Container, Sequence


def offset_after(ids: Sequence[int | None], settled: Container[int], offset: int) -> int:
    """The offset to ask with after a batch of updates with these ids; 0: none is known yet.

    `settled` holds positions within the batch; those before the first that is missing are confirmed. One without an id
    counts as the next after what stood before it: at worst that is too low, and it comes once more.
    """
    highest: int | None = None
    for position, found in enumerate(ids):
        if position not in settled:
            break
        before = highest if highest is not None else offset - 1 if offset else None
        if found is not None:
            highest = found if highest is None else max(highest, found)
        elif before is not None:
            highest = before + 1
    return offset if highest is None else highest + 1
