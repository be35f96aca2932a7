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
class Tally:
    """A number that goes up and down."""

    count: int = 0

    def inc(self) -> None:
        self.count += 1

    def dec(self) -> None:
        self.count -= 1


@dataclass(slots=True)
class Spread:
    """How many values fell into each bucket; a bucket includes its bound, and the last one takes everything beyond all bounds."""

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tallies(Collector):
    """A counter with labels."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str]) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._tallies: dict[tuple[str, ...], Tally] = {}
        registry.register(self)

    def of(self, *labels: str) -> Tally:
        """Returns the tally with these labels; keep it, or ask each time."""
        return self._tallies.setdefault(labels, Tally())

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Implements `prometheus_client.registry.Collector`."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, tally in self._tallies.items():
            family.add_metric(labels, tally.count)
        yield family


class Spreads(Collector):
    """A histogram with labels."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._spreads: dict[tuple[str, ...], Spread] = {}
        registry.register(self)

    def of(self, *labels: str) -> Spread:
        """Returns the spread with these labels; keep it, or ask each time."""
        return self._spreads.setdefault(labels, Spread(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Implements `prometheus_client.registry.Collector`."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, spread in self._spreads.items():
            family.add_metric(labels, list(zip(names, accumulate(spread.counts), strict=True)), spread.total)
        yield family
