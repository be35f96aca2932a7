"""How fast a bot may send: one message a second per chat, twenty a minute per group, about thirty a second in all.

Sources: Bot API FAQ, "My bot is hitting limits"; python-telegram-bot's `FloodLimit`. Telegram's exact rules are not
published, so a 429 may come all the same and then pauses its own chat only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BURST_PER_CHAT = 3
"""Messages a chat may receive at once before the one-second intervals start."""
_FORGET_ABOVE = 10_000


@dataclass(slots=True)
class Meter:
    """The generic cell rate algorithm (ITU-T I.371): one per `interval` seconds, `burst` of them at once."""

    interval: float
    burst: int
    due_at: float = 0.0

    def reserve(self, now: float) -> float:
        """Takes the next place; returns the seconds to wait for it."""
        self.due_at = max(self.due_at, now) + self.interval
        return max(0.0, self.due_at - now - self.interval * self.burst)


@dataclass(slots=True)
class Pace:
    """Places in line, per chat and for the whole bot. Times are in seconds of one monotonic clock."""

    overall: Meter = field(default_factory=lambda: Meter(1 / 25, 25))
    _chats: dict[int, list[Meter]] = field(default_factory=dict)
    _held: dict[int, float] = field(default_factory=dict)

    def reserve(self, chat_id: int, now: float) -> float:
        """Takes the next place in the chat's line; returns the seconds to wait for it."""
        if len(self._chats) > _FORGET_ABOVE:
            self._forget(now)
        meters = self._chats.setdefault(chat_id, _meters(chat_id))
        return max(meter.reserve(now) for meter in meters)

    def hold(self, chat_id: int, until: float) -> None:
        """Telegram asked to pause the chat until then."""
        self._held[chat_id] = max(until, self._held.get(chat_id, 0.0))

    def held_for(self, chat_id: int, now: float) -> float:
        """Seconds for which the chat is still paused."""
        remaining = self._held.get(chat_id, 0.0) - now
        if remaining <= 0:
            self._held.pop(chat_id, None)
        return max(0.0, remaining)

    def _forget(self, now: float) -> None:
        self._chats = {
            chat: meters for chat, meters in self._chats.items() if any(meter.due_at > now for meter in meters)
        }


def _meters(chat_id: int) -> list[Meter]:
    per_chat = Meter(1.0, BURST_PER_CHAT)
    return [per_chat] if chat_id > 0 else [per_chat, Meter(60 / 20, 20)]
