"""Counters for every turn, as plain numbers that Prometheus collects on request: its own counters take a lock each time.

For the event loop's thread only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


@dataclass(slots=True)
class Count:
    """A number that goes up and down."""

    count: int = 0

    def inc(self) -> None:
        self.count += 1

    def dec(self) -> None:
        self.count -= 1


@dataclass(slots=True)
class Buckets:
    """How many values fell into each bucket; a bucket includes its bound, and the last one takes everything beyond all bounds."""

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class PlainCounter(Collector):
    """A counter with labels."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._counts: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def of(self, *labels: str) -> Count:
        """Returns the count with these labels; keep it, or ask each time."""
        return self._counts.setdefault(labels, Count())

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Implements `prometheus_client.registry.Collector`."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count.count)
        yield family


class PlainHistogram(Collector):
    """A histogram with labels."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._buckets: dict[tuple[str, ...], Buckets] = {}
        registry.register(self)

    def of(self, *labels: str) -> Buckets:
        """Returns the buckets with these labels; keep it, or ask each time."""
        return self._buckets.setdefault(labels, Buckets(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Implements `prometheus_client.registry.Collector`."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, buckets in self._buckets.items():
            family.add_metric(labels, list(zip(names, accumulate(buckets.counts), strict=True)), buckets.total)
        yield family
