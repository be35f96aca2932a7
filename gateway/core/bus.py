"""The event bus of one process. A cluster puts a broker behind the same port."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.core.events import LiveEvent

Sink = Callable[[LiveEvent], None]


class LocalBus:
    """Calls each subscriber of a topic at once, in order of publishing; keeps nothing."""

    def __init__(self) -> None:
        self._sinks: dict[str, list[Sink]] = {}
        self._joined: set[str] = set()

    def publish(self, topic: str, event: LiveEvent) -> None:
        sinks = self._sinks.get(topic)
        if sinks:
            for sink in tuple(sinks):
                sink(event)

    def subscribe(self, topic: str, sink: Sink) -> Callable[[], None]:
        self._sinks.setdefault(topic, []).append(sink)
        self._joined.add(topic)

        def unsubscribe() -> None:
            sinks = self._sinks.get(topic, [])
            if sink in sinks:
                sinks.remove(sink)
            if not sinks:
                self._sinks.pop(topic, None)

        return unsubscribe

    def topics(self) -> Sequence[str]:
        return tuple(self._sinks)

    def joined(self) -> Sequence[str]:
        joined, self._joined = self._joined, set()
        return tuple(joined)
