"""What replicas tell each other: what changed and what is gone, and never how. Whoever cares looks. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b

from gateway.core.model import SessionId

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

    def deleted(self) -> list[tuple[str, SessionId]]:
        """The sessions that are said to be gone, each with the mark of its list's topic."""
        parts = (word.partition("-") for word in self.words if "-" in word)
        return [(topic, SessionId(session_id)) for topic, _, session_id in parts]


def mark(topic: str) -> str:
    """A short name of a topic, too long for two topics ever to share one by chance."""
    return blake2b(topic.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def gone(topic: str, session_id: SessionId) -> str:
    """A word that says: a session of that list was deleted. Nobody can find out afterwards whose it was."""
    return EVERYTHING if " " in session_id else f"{mark(topic)}-{session_id}"


def written(sender: str, words: Collection[str]) -> str:
    """As a text of at most `LONGEST` bytes."""
    text = " ".join((sender, *words))
    return text if len(text) <= LONGEST else f"{sender} {EVERYTHING}"


def read(text: str) -> Headlines:
    """What somebody wrote; anybody with a login can, so it is no more than a hint."""
    sender, *words = text.split(" ")
    return Headlines(sender, frozenset(words))
