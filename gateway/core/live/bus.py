"""The event bus of one process. A cluster puts a broker behind the same port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.core.events import LiveEvent
from gateway.core.live.notifications import mark

Sink = Callable[[LiveEvent], None]


class LocalBus:
    """Calls each subscriber of a topic immediately, in order of publication; stores nothing."""

    def __init__(self) -> None:
        self._sinks: dict[str, list[Sink]] = {}
        self._hear_join: Callable[[str], None] = _ignore
        self._marked: dict[str, tuple[str, ...]] = {}

    def publish(self, topic: str, event: LiveEvent) -> None:
        sinks = self._sinks.get(topic)
        if sinks:
            for sink in tuple(sinks):
                sink(event)

    def subscribe(self, topic: str, sink: Sink) -> Callable[[], None]:
        if topic not in self._sinks:
            self._sinks[topic] = []
            self._remember(topic)
        self._sinks[topic].append(sink)
        self._hear_join(topic)
        return Subscription(self, topic, sink)

    def unsubscribe(self, topic: str, sink: Sink) -> None:
        """Undoes one `subscribe`; may be repeated."""
        sinks = self._sinks.get(topic, [])
        if sink in sinks:
            sinks.remove(sink)
        if not sinks and self._sinks.pop(topic, None) is not None:
            self._forget(topic)

    def _remember(self, topic: str) -> None:
        name = mark(topic)
        self._marked[name] = (*self._marked.get(name, ()), topic)

    def _forget(self, topic: str) -> None:
        name = mark(topic)
        left = tuple(other for other in self._marked[name] if other != topic)
        if left:
            self._marked[name] = left
        else:
            del self._marked[name]

    def is_heard(self, topic: str) -> bool:
        return topic in self._sinks

    def topics(self) -> Sequence[str]:
        return tuple(self._sinks)

    def on_join(self, hear: Callable[[str], None]) -> None:
        self._hear_join = hear

    def marked(self, marks: Iterable[str]) -> Sequence[str]:
        return [topic for name in marks for topic in self._marked.get(name, ())]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Ends with its call. Each follower of a session has one, and a closure would take four times the memory."""

    bus: LocalBus
    topic: str
    sink: Sink

    def __call__(self) -> None:
        self.bus.unsubscribe(self.topic, self.sink)


def _ignore(_topic: str) -> None:
    return None
