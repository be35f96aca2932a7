"""What Claude is told: the message to answer, after whatever its own conversation does not contain. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.model import Message, Turn
from gateway.core.ports.agent_data import AgentDatum

BEFORE = "This was said before your first answer in this conversation:"
MEANWHILE = "This was said since your latest answer:"
NOW = "This is the message to answer:"


def prompt_of(turn: Turn, base: AgentDatum | None) -> str:
    """`base`: what Claude's own conversation was kept with; None if it begins with this turn."""
    missing = turn.history if base is None else later(turn.history, base)
    said = [message for message in missing if message.content and not message.deleted]
    if not said:
        return turn.text
    return "\n\n".join((BEFORE if base is None else MEANWHILE, *map(_quoted, said), NOW, turn.text))


def later(history: Sequence[Message], base: AgentDatum) -> list[Message]:
    """The messages of turns that began after that of the base. Those of no turn were written by people, or copied by a fork."""
    begins: dict[object, int] = {}
    for message in history:
        begins.setdefault(message.turn_id or message.seq, message.seq)
    return [message for message in history if begins[message.turn_id or message.seq] > base.seq]


def _quoted(message: Message) -> str:
    speaker = "You" if message.role == "assistant" and message.kind == "message" else "User"
    speaker = "A human colleague of yours" if message.kind == "human" else speaker
    return f"<said by={speaker!r}>\n{message.content}\n</said>"
