"""Damaged samples of what a network might deliver. The same in each run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence

ODD_BYTES = (b"\0", b"\xff\xfe", b"\r", b"\n", b" ", b":", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"{", b'"', b"\x7f")
ODD_VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    2**70,
    1.5,
    "",
    "\0",
    "\ud800",
    "x" * 5000,
    [],
    [[]],
    {},
    {"id": None},
)


def damaged(samples: Sequence[bytes], times: int = 400) -> Iterator[bytes]:
    """Yields each sample as it is, then `times` damaged ones, and a few that were never valid."""
    luck = random.Random(20)  # noqa: S311 - no secret, and the same each time
    yield from samples
    yield from (b"", b"null", b"[]", b"{}", b"\0", b"\xff" * 64, b"[" * 5000)
    for _ in range(times):
        sample = luck.choice(samples)
        yield _with_another_value(sample, luck) if luck.random() < 0.5 else _cut_and_pasted(sample, luck)


def _cut_and_pasted(sample: bytes, luck: random.Random) -> bytes:
    at, end = sorted(luck.randint(0, len(sample)) for _ in range(2))
    piece = luck.choice((b"", luck.choice(ODD_BYTES), sample[at:end] * 2))
    return sample[:at] + piece + sample[end:]


def _with_another_value(sample: bytes, luck: random.Random) -> bytes:
    """Replaces a value in a JSON document with an odd one; cuts anything else."""
    try:
        document = json.loads(sample)
    except ValueError:
        return _cut_and_pasted(sample, luck)
    return json.dumps(_changed(document, luck)).encode()


def _changed(value: object, luck: random.Random) -> object:
    if isinstance(value, dict) and value and luck.random() < 0.9:
        key = luck.choice(list(value))
        return {**value, key: _changed(value[key], luck)}
    if isinstance(value, list) and value and luck.random() < 0.9:
        place = luck.randrange(len(value))
        return [*value[:place], _changed(value[place], luck), *value[place + 1 :]]
    return luck.choice(ODD_VALUES)
