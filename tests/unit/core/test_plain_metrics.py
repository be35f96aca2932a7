"""Plain counters, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gateway.core.measuring.plain_metrics import PlainCounter, PlainHistogram

BOUNDS = (0.5, 1, 2.5)


def shown(registry: CollectorRegistry) -> list[str]:
    """The scraped text, without creation times."""
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


def test_plain_counts_read_as_those_of_prometheus() -> None:
    """Names, labels, buckets and sums are the same; a value on a bound belongs below it."""
    plain, theirs = CollectorRegistry(), CollectorRegistry()
    turns = PlainCounter(plain, "turns", "Ended.", ["agent", "status"])
    seconds = PlainHistogram(plain, "seconds", "Taken.", ["agent"], BOUNDS)
    their_turns = Counter("turns", "Ended.", ["agent", "status"], registry=theirs)
    their_seconds = Histogram("seconds", "Taken.", ["agent"], buckets=BOUNDS, registry=theirs)
    for status in ("completed", "failed", "completed"):
        turns.of("a", status).inc()
        their_turns.labels("a", status).inc()
    for value in (0.1, 0.5, 2.0, 2.5, 9.0):
        seconds.of("a").observe(value)
        their_seconds.labels("a").observe(value)
    assert shown(plain) == shown(theirs)
