"""What replicas tell each other: what changed, and never how. Whoever cares looks. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from zlib import crc32

LONGEST = 7_900
"""Bytes; Postgres takes less than 8,000 (NOTIFY, "payload")."""
EVERYTHING = "*"
"""More changed than a text holds, or nobody can say what."""
CANCELS = "!"
"""Somebody asked for turns to be cancelled, wherever they run."""


@dataclass(frozen=True, slots=True)
class Headlines:
    """`sender`: the replica that tells; `words`: marks of topics, and the words above. Without words it tells that it lives."""

    sender: str
    words: frozenset[str]


def mark(topic: str) -> str:
    """A short name of a topic. That two topics share one costs a look, and nothing else."""
    return f"{crc32(topic.encode('utf-8', 'surrogatepass')):08x}"


def written(sender: str, words: Collection[str]) -> str:
    """As a text of at most `LONGEST` bytes."""
    text = " ".join((sender, *words))
    return text if len(text) <= LONGEST else f"{sender} {EVERYTHING}"


def read(text: str) -> Headlines:
    """What somebody wrote; anybody with a login can, so it is no more than a hint."""
    sender, *words = text.split(" ")
    return Headlines(sender, frozenset(words))
