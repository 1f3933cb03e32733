"""The stream's numbers for Prometheus: an observer that counts."""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import product

from prometheus_client import disable_created_metrics
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import CollectorRegistry

from hadir.core.check_in import Channel
from hadir.core.clock import Clock
from hadir.core.errors import (
    LedgerConflict,
    LedgerUnavailable,
    PositionConflict,
    StoreUnavailable,
    StreamError,
    StreamUnavailable,
)
from hadir.core.evidence import ImpostorCount
from hadir.core.metrics import MetricName
from hadir.core.timings import BatchTimes, StageName
from hadir.core.verdict import Outcome, Reason
from hadir.faces.model_facts import ModelFacts
from hadir.pipeline.membership import Membership
from hadir.pipeline.observer import InHand, Served, Written
from hadir.pipeline.prometheus_series import Series
from hadir.pipeline.reconcile import FaultKind

__all__ = ["StreamMetrics"]

_Kind = tuple[str | None, Outcome, tuple[Reason, ...]]
"""Channel, outcome and reasons: most rows of a transaction are alike."""
_INVALID = "invalid"
"""Nobody may make labels grow: where the channel could not be read, it is not one of the three."""

# At 0 from the start: the first one is then an increase that an alert can see, and a ratio has an answer on a good day.
_DEAD_LETTERS = ("undecodable", "id_conflict", "processing_failed")
_SECURITY_EVENTS = ("id_conflict", "photo_replayed", "repeated")
_UNMATCHED = (
    (Outcome.REJECTED, Reason.FACE_MISMATCH),
    (Outcome.REVIEW, Reason.FACE_MISMATCH),
    (Outcome.REJECTED, Reason.IMPOSTOR_SUSPECTED),
    (Outcome.REVIEW, Reason.SIMILARITY_UNCERTAIN),
)
_FAILURES = (
    ("ledger", LedgerUnavailable),
    ("ledger", LedgerConflict),
    ("position", PositionConflict),
    ("photos", StoreUnavailable),
    ("outbox", LedgerUnavailable),
    ("outbox", StreamUnavailable),
    ("outbox", StreamError),
)


class StreamMetrics:
    """Counts what the loop tells. One per process: nothing is registered globally."""

    def __init__(self, clock: Clock) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a gauge beside every series, which nobody asks for
        series = self._series = Series()
        self._clock = clock
        self._latency = series.histogram(MetricName.VERDICT_LATENCY)
        self._verdicts = series.counter(MetricName.VERDICTS)
        self._reasons = series.counter(MetricName.VERDICT_REASONS)
        self._received = series.counter(MetricName.RECEIVED)
        self._dead_letters = series.counter(MetricName.DEAD_LETTERS)
        self._duplicates = series.counter(MetricName.DUPLICATES)
        self._security = series.counter(MetricName.SECURITY_EVENTS)
        self._replays = series.counter(MetricName.PHOTO_REPLAYS)
        self._compared = series.counter(MetricName.IMPOSTOR_COMPARISONS)
        self._matched = series.counter(MetricName.IMPOSTOR_MATCHES)
        self._claimed = series.histogram(MetricName.CLAIMED_COSINE)
        self._other = series.histogram(MetricName.OTHER_COSINE)
        self._fill = series.histogram(MetricName.BATCH_FILL)
        self._batch_photos = series.histogram(MetricName.BATCH_PHOTOS)
        self._in_flight = series.gauge(MetricName.IN_FLIGHT)
        self._failures = series.counter(MetricName.PART_FAILURES)
        self._stages = series.histogram(MetricName.STAGE_DURATION)
        self._photos = series.counter(MetricName.PHOTOS)
        self._busy = series.counter(MetricName.WORKER_BUSY)
        self._switches = series.counter(MetricName.SNAPSHOT_SWITCHES)
        self._refusals = series.counter(MetricName.SNAPSHOT_REFUSALS)
        self._reconciled = series.gauge(MetricName.RECONCILE_FAULTS)
        self._reconciled_records = series.counter(MetricName.RECONCILE_RECORDS)
        self._reconciled_at = series.gauge(MetricName.RECONCILE_TIMESTAMP)
        self._built_at = series.gauge(MetricName.SNAPSHOT_BUILT)
        self._people = series.gauge(MetricName.SNAPSHOT_PEOPLE)
        self._oldest = series.gauge(MetricName.OLDEST_UNDECIDED)
        self._lag = series.gauge(MetricName.CONSUMER_LAG)
        self._partitions = series.gauge(MetricName.PARTITIONS)
        self._paused = series.gauge(MetricName.INTAKE_PAUSED)
        self._wanted = series.gauge(MetricName.POOL_WORKERS_WANTED)
        self._fallback = series.gauge(MetricName.MODEL_FALLBACK)
        self._served: Served | None = None
        self._serving_since_s = clock.monotonic_s()
        self._in_hand = InHand(0, 0, None)
        self._ask_at_the_scrape()
        self._begin_at_zero()

    @property
    def registry(self) -> CollectorRegistry:
        """What a page shows."""
        return self._series.registry

    def watch(self, *, outbox: Callable[[], float], retries: Callable[[], int]) -> None:
        """Ask these at every scrape: the ledger's `outbox_depth`, and how often the pool tried a batch again."""
        self._series.gauge(MetricName.OUTBOX).set_function(outbox)
        self._series.counted_elsewhere(MetricName.RETRIES, retries)

    def watch_workers(self, ready: Callable[[], int], replaced: Callable[[], Mapping[str, int]], wanted: int) -> None:
        """Ask these at every scrape: how many workers of those `wanted` serve, and how many were replaced, by cause."""
        self._series.gauge(MetricName.POOL_WORKERS).set_function(ready)
        self._series.counted_elsewhere(MetricName.POOL_REPLACEMENTS, replaced)
        self._wanted.set(wanted)

    def watch_intake(self, paused: Callable[[], bool], membership: Callable[[], Membership]) -> None:
        """Ask these at every scrape: whether the loop has paused fetching, and what this member of the group holds."""
        self._paused.set_function(paused)
        self._partitions.set_function(lambda: len(membership().partitions))

    def watch_lag(self, records: Callable[[], int], oldest_age_s: Callable[[], float]) -> None:
        """Ask these at every scrape: a `LagWatch`. Without one, what is in hand is all that is known."""
        self._lag.set_function(lambda: max(records(), self._in_hand.records))
        self._oldest.set_function(lambda: max(oldest_age_s(), self._in_hand_age_s()))

    def watch_models(self, facts: Callable[[], Collection[ModelFacts]]) -> None:
        """Ask at every scrape what the models run on, of each worker that knows."""
        self._series.info(MetricName.MODEL_INFO, lambda: map(asdict, facts()))
        self._fallback.set_function(lambda: any(one.fell_back for one in facts()))

    def on_serving(self, served: Served) -> None:
        if self._served is not None:
            self._switches.inc()
        self._served = served
        self._serving_since_s = self._clock.monotonic_s()
        self._built_at.set(served.built_at_ms / 1000)
        self._people.set(served.people)

    def on_refused(self, snapshot: str | None, code: str) -> None:
        del snapshot
        self._refusals.labels(code).inc()

    def on_received(self, records: int) -> None:
        self._received.inc(records)

    def on_batch(self, photos: int, limit: int) -> None:
        self._fill.observe((photos / limit,))
        self._batch_photos.observe((photos,))

    def on_worked(self, times: BatchTimes) -> None:
        """A worker has done a batch. On the loop's thread."""
        self._photos.inc(times.photos)
        self._busy.inc(times.busy_s)
        for stage, seconds in times.stages.items():
            self._stages.observe((seconds,), stage)

    def on_written(self, written: Written) -> None:
        received: collections.defaultdict[str | None, list[int]] = collections.defaultdict(list)
        alike: collections.defaultdict[_Kind, int] = collections.defaultdict(int)
        # Finding a series costs more than counting: once per transaction and kind, not once per row.
        for row in written.rows:
            received[row.channel].append(row.received_at_ms)
            alike[row.channel, row.outcome, row.reasons] += 1
        for channel, times_ms in received.items():
            self._latency.observe([max(0.0, (written.at_ms - at_ms) / 1000) for at_ms in times_ms], channel or _INVALID)
        for (channel, outcome, reasons), rows in alike.items():
            self._verdicts.labels(outcome, channel or _INVALID).inc(rows)
            for reason in reasons:
                self._reasons.labels(outcome, reason).inc(rows)
        # The same photo again comes out a hair above 1 in float32.
        self._claimed.observe([min(1.0, cosine) for cosine in written.claimed])
        self._other.observe([min(1.0, cosine) for cosine in written.others])
        self._stages.observe((written.decide_s,), StageName.DECIDE)
        self._stages.observe((written.ledger_s,), StageName.LEDGER)
        self._count_the_rare(written)
        self._duplicates.inc(written.duplicates)
        self._count_impostors(written.impostors)

    def on_in_hand(self, in_hand: InHand) -> None:
        self._in_flight.set(in_hand.with_workers)
        self._in_hand = in_hand

    def on_reconciled(self, at_ms: int, records: int, faults: Mapping[FaultKind, int]) -> None:
        """Received was held against decided: so many records more, and these faults stand. From any thread."""
        self._reconciled_records.inc(records)
        for kind in FaultKind:
            self._reconciled.labels(kind.value).set(faults.get(kind, 0))
        self._reconciled_at.set(at_ms / 1000)

    def on_published(self, seconds: float) -> None:
        """One send of the outbox was acknowledged, after so long. From the relay's thread."""
        self._stages.observe((seconds,), StageName.PUBLISH)

    def on_retry(self, part: str, code: str) -> None:
        self._failures.labels(part, code).inc()

    def _count_impostors(self, counts: Sequence[ImpostorCount]) -> None:
        reached: collections.defaultdict[str, int] = collections.defaultdict(int)
        compared = 0
        for count in counts:
            compared += count.compared
            for rate, matches in count.reached.items():
                reached[rate] += matches
        self._compared.inc(compared)
        for rate, matches in reached.items():
            self._matched.labels(rate).inc(matches)

    def _count_the_rare(self, written: Written) -> None:
        for code in written.dead_letters:
            self._dead_letters.labels(code).inc()
        for code in written.security_events:
            self._security.labels(code).inc()
        for replay in written.replays:
            match, person = ("exact" if replay.exact else "near"), ("same" if replay.same_person else "other")
            self._replays.labels(match, person).inc()

    def _in_hand_age_s(self) -> float:
        oldest_ms = self._in_hand.oldest_received_at_ms
        return max(0.0, (self._clock.now_ms() - oldest_ms) / 1000) if oldest_ms is not None else 0.0

    def _ask_at_the_scrape(self) -> None:
        series = self._series
        series.info(MetricName.BUILD_INFO, lambda: [{"version": version("hadir")}])
        series.info(MetricName.SNAPSHOT_INFO, self._snapshot_facts)
        serving = series.gauge(MetricName.SNAPSHOT_SERVING)
        serving.set_function(lambda: self._clock.monotonic_s() - self._serving_since_s)
        self._oldest.set_function(self._in_hand_age_s)
        self._lag.set_function(lambda: self._in_hand.records)
        ProcessCollector(registry=series.registry)

    def _snapshot_facts(self) -> Iterable[Mapping[str, str]]:
        return [] if self._served is None else [asdict(self._served)]

    def _begin_at_zero(self) -> None:
        for channel in Channel:
            self._latency.at_zero(channel.value)
        for outcome, channel in product(Outcome, Channel):
            self._verdicts.labels(outcome.value, channel.value)
        for outcome, reason in _UNMATCHED:
            self._reasons.labels(outcome.value, reason.value)
        for code in _DEAD_LETTERS:
            self._dead_letters.labels(code)
        for code in _SECURITY_EVENTS:
            self._security.labels(code)
        for match, person in product(("exact", "near"), ("same", "other")):
            self._replays.labels(match, person)
        for part, error in _FAILURES:
            self._failures.labels(part, error.code)
        for stage in StageName:
            self._stages.at_zero(stage)
        for kind in FaultKind:
            self._reconciled.labels(kind.value)
