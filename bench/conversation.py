"""The texts and users of all measurements."""

from __future__ import annotations

QUESTION = "Could you tell me, in a sentence or two, what a gateway does for the messages of a conversation?"
REPLY = (
    "It takes each message in, keeps it where a crash cannot reach it, hands it to whoever is to answer, and brings "
    "the answer back in the order of the conversation, once, whatever happens on the way."
)
AGENT = "assistant"
ROUTE = f"web:{AGENT}"


def user_name(group: str, number: int) -> str:
    """A user of a group; `sql/seed.sql` creates the same names."""
    return f"{group}-{number}"


def token_of(user: str) -> str:
    """The user's API token, as `sql/seed.sql` grants it: only for a throw-away database."""
    return f"tg_{user}"
