"""Prometheus' series, made by their names: type, labels and sentence stand in `core/metrics.py` alone."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import inf

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from hadir.core.metrics import METRICS, MetricName

__all__ = ["Histogram", "Series"]

_END: Callable[[float], str] = floatToGoString
"""How the text format writes the upper end of a bucket."""
_TRUE = 1
"""What an info metric always says: in the text format it is a gauge."""


class Histogram(Collector):
    """Observations by the list, under one lock and with one look for their labels: the client's own takes two locks
    and a search through all edges for every single one. From any thread."""

    def __init__(self, name: MetricName) -> None:
        self._name, self._metric = name, METRICS[name]
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def at_zero(self, *labels: str) -> None:
        """There from the start, so that the first observation is an increase."""
        self.observe((), *labels)

    def observe(self, values: Sequence[float], *labels: str) -> None:
        """Count all of them under these labels. An observation on an edge lies within it."""
        edges = self._metric.edges
        with self._lock:
            counts = self._counts.get(labels)
            if counts is None:
                counts = self._counts[labels] = [0] * (len(edges) + 1)
                self._sums[labels] = 0.0
            for value in values:
                counts[bisect_left(edges, value)] += 1
            self._sums[labels] += sum(values)

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._metric.help, labels=self._metric.labels)
        ends = [_END(edge) for edge in (*self._metric.edges, inf)]
        with self._lock:
            for labels, counts in self._counts.items():
                buckets = list(zip(ends, accumulate(counts), strict=True))
                family.add_metric(labels, buckets, self._sums[labels])
                if self._metric.edges[0] < 0:  # then the client leaves out the count with the sum
                    names = dict(zip(self._metric.labels, labels, strict=True))
                    family.add_sample(f"{self._name}_count", names, sum(counts))
        yield family


class Series:
    """The series of one page. Nothing is registered globally."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def counter(self, name: MetricName) -> Counter:
        """A counter that is counted here."""
        metric = METRICS[name]
        return Counter(name, metric.help, metric.labels, registry=self.registry)

    def gauge(self, name: MetricName) -> Gauge:
        """A gauge that is set here, or whose value is asked for at every scrape (`set_function`)."""
        metric = METRICS[name]
        return Gauge(name, metric.help, metric.labels, registry=self.registry)

    def histogram(self, name: MetricName) -> Histogram:
        """A histogram; without labels it is there at 0 at once."""
        histogram = Histogram(name)
        if not METRICS[name].labels:
            histogram.at_zero()
        self.registry.register(histogram)
        return histogram

    def counted_elsewhere(self, name: MetricName, value: Callable[[], float | Mapping[str, int]]) -> None:
        """A counter whose value, or values by its only label, somebody else keeps: asked for at every scrape."""
        self.registry.register(_CountedElsewhere(name, value))

    def info(self, name: MetricName, facts: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        """An info metric: a series for each of these facts, by label, asked for at every scrape."""
        self.registry.register(_Facts(name, facts))


class _CountedElsewhere(Collector):
    def __init__(self, name: MetricName, value: Callable[[], float | Mapping[str, int]]) -> None:
        self._name, self._value = name, value

    def collect(self) -> Iterator[Metric]:
        value, metric = self._value(), METRICS[self._name]
        if isinstance(value, Mapping):
            family = CounterMetricFamily(self._name, metric.help, labels=metric.labels)
            for label, count in value.items():
                family.add_metric([label], count)
            yield family
        else:
            yield CounterMetricFamily(self._name, metric.help, value=value)


class _Facts(Collector):
    def __init__(self, name: MetricName, facts: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        self._name, self._facts = name, facts

    def collect(self) -> Iterator[Metric]:
        metric = METRICS[self._name]
        family = GaugeMetricFamily(self._name, metric.help, labels=metric.labels)
        for labels in sorted({tuple(fact[label] for label in metric.labels) for fact in self._facts()}):
            family.add_metric(labels, _TRUE)
        yield family
