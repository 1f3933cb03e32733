"""The stream's numbers for Prometheus: an observer, and the page that is scraped."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import product
from types import TracebackType
from typing import Self

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from hadir.core.clock import Clock
from hadir.core.errors import SetupError
from hadir.core.metrics import METRICS, MetricName
from hadir.pipeline.observer import InHand, Served, Written
from hadir.pipeline.reconcile import FaultKind

__all__ = ["MetricsPage", "StreamMetrics"]


_DEAD_LETTERS = ("undecodable", "id_conflict", "processing_failed")
_SECURITY_EVENTS = ("id_conflict", "photo_replayed")


class StreamMetrics:
    """Counts what the loop tells. One per process: nothing is registered globally."""

    def __init__(self, clock: Clock) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a gauge beside every series, which nobody asks for
        self.registry = CollectorRegistry()
        self._clock = clock
        self._latency = self._histogram(MetricName.VERDICT_LATENCY)
        self._verdicts = self._counter(MetricName.VERDICTS)
        self._reasons = self._counter(MetricName.VERDICT_REASONS)
        self._received = self._counter(MetricName.RECEIVED)
        self._dead_letters = self._counter(MetricName.DEAD_LETTERS)
        self._duplicates = self._counter(MetricName.DUPLICATES)
        self._security = self._counter(MetricName.SECURITY_EVENTS)
        self._replays = self._counter(MetricName.PHOTO_REPLAYS)
        self._compared = self._counter(MetricName.IMPOSTOR_COMPARISONS)
        self._matched = self._counter(MetricName.IMPOSTOR_MATCHES)
        self._fill = self._histogram(MetricName.BATCH_FILL)
        self._in_flight = self._gauge(MetricName.IN_FLIGHT)
        self._switches = self._counter(MetricName.SNAPSHOT_SWITCHES)
        self._refusals = self._counter(MetricName.SNAPSHOT_REFUSALS)
        # At 0 from the start: the first one is then an increase that an alert can see.
        for code in _DEAD_LETTERS:
            self._dead_letters.labels(code)
        for code in _SECURITY_EVENTS:
            self._security.labels(code)
        for match, person in product(("exact", "near"), ("same", "other")):
            self._replays.labels(match, person)
        self._info: Info | None = None
        self._serving_since_s = clock.monotonic_s()
        self._gauge(MetricName.SNAPSHOT_SERVING).set_function(lambda: clock.monotonic_s() - self._serving_since_s)
        self._reconciled = self._gauge(MetricName.RECONCILE_FAULTS)
        self._reconciled_records = self._counter(MetricName.RECONCILE_RECORDS)
        self._reconciled_at = self._gauge(MetricName.RECONCILE_LAST)
        for kind in FaultKind:
            self._reconciled.labels(kind.value)
        self._oldest_ms: int | None = None
        self._gauge(MetricName.OLDEST_UNDECIDED).set_function(self._oldest_age_s)

    def watch(self, *, outbox: Callable[[], int], retries: Callable[[], int]) -> None:
        """Ask these at every scrape: the ledger's `outbox_depth`, and how often the pool tried a batch again."""
        self._gauge(MetricName.OUTBOX).set_function(outbox)
        self.registry.register(_KeptElsewhere(MetricName.RETRIES, retries))

    def watch_workers(self, ready: Callable[[], int], replaced: Callable[[], Mapping[str, int]]) -> None:
        """Ask these at every scrape: how many workers serve, and how many were replaced, by cause."""
        self._gauge(MetricName.POOL_WORKERS).set_function(ready)
        self.registry.register(_KeptElsewhere(MetricName.POOL_REPLACEMENTS, replaced))

    def on_serving(self, served: Served) -> None:
        if self._info is None:
            metric = METRICS[MetricName.SNAPSHOT_INFO]
            # The client appends `_info` to the name itself.
            self._info = Info(MetricName.SNAPSHOT_INFO.removesuffix("_info"), metric.help, registry=self.registry)
        else:
            self._switches.inc()
        self._serving_since_s = self._clock.monotonic_s()
        self._info.info(asdict(served))

    def on_refused(self, snapshot: str | None, code: str) -> None:
        del snapshot
        self._refusals.labels(code).inc()

    def on_received(self, records: int) -> None:
        self._received.inc(records)

    def on_batch(self, photos: int, limit: int) -> None:
        self._fill.observe(photos / limit)

    def on_written(self, written: Written) -> None:
        verdicts: collections.Counter[tuple[str, str]] = collections.Counter()
        reasons: collections.Counter[tuple[str, str]] = collections.Counter()
        for row in written.rows:
            # Nobody may make labels grow: where the channel could not be read, it is not one of the three.
            channel = row.channel or "invalid"
            self._latency.labels(channel).observe(max(0.0, (written.at_ms - row.received_at_ms) / 1000))
            verdicts[row.outcome.value, channel] += 1
            reasons.update((row.outcome.value, reason.value) for reason in row.reasons)
        # Finding a series costs more than counting: once per transaction, not once per row.
        for labels, rows in verdicts.items():
            self._verdicts.labels(*labels).inc(rows)
        for labels, rows in reasons.items():
            self._reasons.labels(*labels).inc(rows)
        for code in written.dead_letters:
            self._dead_letters.labels(code).inc()
        for code in written.security_events:
            self._security.labels(code).inc()
        for replay in written.replays:
            match, person = ("exact" if replay.exact else "near"), ("same" if replay.same_person else "other")
            self._replays.labels(match, person).inc()
        self._duplicates.inc(written.duplicates)
        for count in written.impostors:
            self._compared.inc(count.compared)
            for rate, reached in count.reached.items():
                self._matched.labels(rate).inc(reached)

    def on_in_hand(self, in_hand: InHand) -> None:
        self._in_flight.set(in_hand.with_workers)
        self._oldest_ms = in_hand.oldest_received_at_ms

    def on_reconciled(self, at_ms: int, records: int, faults: Mapping[FaultKind, int]) -> None:
        """Received was held against decided: so many records more, and these faults stand. From any thread."""
        self._reconciled_records.inc(records)
        for kind in FaultKind:
            self._reconciled.labels(kind.value).set(faults.get(kind, 0))
        self._reconciled_at.set(at_ms / 1000)

    def on_retry(self, part: str, code: str) -> None:
        """Seen as age and depth; which part failed is in the log."""

    def _oldest_age_s(self) -> float:
        oldest_ms = self._oldest_ms
        return max(0.0, (self._clock.now_ms() - oldest_ms) / 1000) if oldest_ms is not None else 0.0

    def _counter(self, name: MetricName) -> Counter:
        metric = METRICS[name]
        return Counter(name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, name: MetricName) -> Gauge:
        metric = METRICS[name]
        return Gauge(name, metric.help, metric.labels, registry=self.registry)

    def _histogram(self, name: MetricName) -> Histogram:
        metric = METRICS[name]
        return Histogram(name, metric.help, metric.labels, registry=self.registry, buckets=metric.edges)


class _KeptElsewhere(Collector):
    """A counter whose value somebody else keeps, or its values by its only label: read at the scrape."""

    def __init__(self, name: MetricName, value: Callable[[], int | Mapping[str, int]]) -> None:
        self._name = name
        self._value = value

    def collect(self) -> Iterator[Metric]:
        value, metric = self._value(), METRICS[self._name]
        if isinstance(value, int):
            yield CounterMetricFamily(self._name, metric.help, value=value)
            return
        family = CounterMetricFamily(self._name, metric.help, labels=metric.labels)
        for label, count in value.items():
            family.add_metric([label], count)
        yield family


class MetricsPage:
    """`/metrics` on a port. On loopback unless told otherwise: the page tells how many check in, and when."""

    def __init__(self, metrics: StreamMetrics, port: int, host: str = "127.0.0.1") -> None:
        """Serve from now on; port 0 takes a free one. Raises SetupError where the port is taken."""
        try:
            self._server, self._thread = start_http_server(port, host, registry=metrics.registry)
        except OSError as err:
            raise SetupError(f"metrics port {host}:{port} is not free ({err.strerror}): name another") from err
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
