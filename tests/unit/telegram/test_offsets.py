"""The offset confirms settled updates and nothing else."""

import pytest

from channels.telegram.receiving.offsets import offset_after


@pytest.mark.parametrize(
    ("ids", "settled", "before", "after", "why"),
    [
        ([], set(), 7, 7, "nothing came"),
        ([7, 8, 9], {0, 1, 2}, 7, 10, "all settled"),
        ([7, 8, 9], {0, 2}, 7, 8, "only up to the first that is not"),
        ([7, 8, 9], {1, 2}, 7, 7, "not even the first"),
        ([3, 4], {0, 1}, 900, 5, "ids began anew, lower"),
        ([10_000], {0}, 7, 10_001, "ids began anew, higher"),
        ([7, None, 9], {0, 1, 2}, 7, 10, "one without an id in the middle"),
        ([7, None], {0, 1}, 7, 8, "one without an id at the end, which comes again"),
        ([None], {0}, 1005, 1005, "one without an id alone: 1005 may be another's"),
        ([None, None], {0, 1}, 7, 7, "two of them"),
        ([None, 7], {1}, 7, 7, "one behind it that is settled, and itself is not"),
        ([None], {0}, 0, 0, "nothing is known yet, so it comes again"),
        ([None, 7], {0, 1}, 0, 8, "until one with an id follows"),
        ([9, 5], {0, 1}, 9, 10, "an old one delivered again behind a new one"),
        ([5], {0}, 9, 6, "an old one delivered again alone"),
    ],
)
def test_offset_after(ids: list[int | None], settled: set[int], before: int, after: int, why: str) -> None:
    """Cases from the Bot API's manual and from observed servers."""
    assert offset_after(ids, settled, before) == after, why
