"""Notifications between replicas: they say what changed or was deleted, but not how.

Replicas that need to know query the database. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b

from gateway.core.model import SessionId

LONGEST = 7_900
"""Bytes; the payload of a NOTIFY has to be shorter than 8,000."""
EVERYTHING = "*"
"""More changed than fits into one text, or nobody can say what."""
CANCELS = "!"
"""Turns are to be cancelled, wherever they run."""


@dataclass(frozen=True, slots=True)
class Notification:
    """`sender`: the replica that sends; `words`: marks of topics, and the words above. Without words it only reports that it is alive."""

    sender: str
    words: frozenset[str]

    def deleted(self) -> list[tuple[str, SessionId]]:
        """The sessions reported as deleted, each with the mark of its list's topic."""
        parts = (word.partition("-") for word in self.words if "-" in word)
        return [(topic, SessionId(session_id)) for topic, _, session_id in parts]


def mark(topic: str) -> str:
    """A short name of a topic, long enough that two topics never share one by chance."""
    return blake2b(topic.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def gone(topic: str, session_id: SessionId) -> str:
    """A word that reports the deletion of a session in that list. Its owner cannot be found out afterwards."""
    return EVERYTHING if " " in session_id else f"{mark(topic)}-{session_id}"


def written(sender: str, words: Collection[str]) -> str:
    """Formats a notification as a text of at most `LONGEST` bytes."""
    text = " ".join((sender, *words))
    return text if len(text) <= LONGEST else f"{sender} {EVERYTHING}"


def read(text: str) -> Notification:
    """Parses a notification; anybody with a database login can send one, so it is only a hint."""
    sender, *words = text.split(" ")
    return Notification(sender, frozenset(words))
