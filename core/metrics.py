"""Every metric's name, type, labels and sentence, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LATENCY_EDGES_S", "METRICS", "Metric", "MetricName"]

LATENCY_EDGES_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class MetricName(StrEnum):
    """Names as Prometheus sees them. No label ever grows with people or requests."""

    VERDICT_LATENCY = "hadir_verdict_latency_seconds"
    VERDICTS = "hadir_verdicts_total"
    VERDICT_REASONS = "hadir_verdict_reasons_total"
    RECEIVED = "hadir_received_total"
    DEAD_LETTERS = "hadir_dead_letters_total"
    DUPLICATES = "hadir_duplicates_total"
    SECURITY_EVENTS = "hadir_security_events_total"
    PHOTO_REPLAYS = "hadir_photo_replays_total"
    OLDEST_UNDECIDED = "hadir_oldest_undecided_age_seconds"
    BATCH_FILL = "hadir_batch_fill_ratio"
    IN_FLIGHT = "hadir_in_flight_check_ins"
    OUTBOX = "hadir_outbox_unpublished"
    RETRIES = "hadir_pool_retries_total"
    POOL_WORKERS = "hadir_pool_workers"
    POOL_REPLACEMENTS = "hadir_pool_replacements_total"
    IMPOSTOR_COMPARISONS = "hadir_impostor_comparisons_total"
    IMPOSTOR_MATCHES = "hadir_impostor_matches_total"
    SNAPSHOT_INFO = "hadir_snapshot_info"
    SNAPSHOT_SERVING = "hadir_snapshot_serving_seconds"
    SNAPSHOT_SWITCHES = "hadir_snapshot_switches_total"
    SNAPSHOT_REFUSALS = "hadir_snapshot_refusals_total"
    RECONCILE_FAULTS = "hadir_reconcile_faults"
    RECONCILE_RECORDS = "hadir_reconcile_records_total"
    RECONCILE_LAST = "hadir_reconcile_last_seconds"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is: `kind` counter, gauge, histogram or info; `edges` for histograms."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()


METRICS: dict[MetricName, Metric] = {
    MetricName.VERDICT_LATENCY: Metric(
        "histogram", "From the broker's receipt of a check-in to its durable verdict.", ("channel",), LATENCY_EDGES_S
    ),
    MetricName.VERDICTS: Metric("counter", "Verdicts written, by outcome and channel.", ("outcome", "channel")),
    MetricName.VERDICT_REASONS: Metric(
        "counter", "Reasons given; one verdict may have several.", ("outcome", "reason")
    ),
    MetricName.RECEIVED: Metric("counter", "Records taken from the log."),
    MetricName.DEAD_LETTERS: Metric("counter", "Records set aside, by code.", ("code",)),
    MetricName.DUPLICATES: Metric("counter", "The same check-in again, same content: answered with its first verdict."),
    MetricName.SECURITY_EVENTS: Metric("counter", "Security events, by code.", ("code",)),
    MetricName.PHOTO_REPLAYS: Metric(
        "counter",
        "Photos that an earlier check-in had brought: the same bytes or a near copy, of the same or another person.",
        ("match", "person"),
    ),
    MetricName.OLDEST_UNDECIDED: Metric(
        "gauge", "Age of the oldest check-in that was received and is not decided; 0: none."
    ),
    MetricName.BATCH_FILL: Metric(
        "histogram", "Photos in a submitted batch over its limit.", (), (0.03125, 0.0625, 0.125, 0.25, 0.5, 0.75, 1.0)
    ),
    MetricName.IN_FLIGHT: Metric("gauge", "Check-ins handed to workers and not back yet."),
    MetricName.OUTBOX: Metric("gauge", "Verdicts in the ledger that are not yet on their topic."),
    MetricName.POOL_WORKERS: Metric("gauge", "Face workers that are ready to serve."),
    MetricName.POOL_REPLACEMENTS: Metric(
        "counter",
        "Face workers that had to be replaced: they died, hung, were far slower than their peers, or could not work.",
        ("cause",),
    ),
    MetricName.RETRIES: Metric("counter", "Batches sent again after a worker died."),
    MetricName.IMPOSTOR_COMPARISONS: Metric(
        "counter", "Live probes times the enrolled people that nobody claimed them to be."
    ),
    MetricName.IMPOSTOR_MATCHES: Metric(
        "counter",
        "Of these, comparisons whose cosine reached the threshold of this rate; over the comparisons it is the false "
        "match rate as it is today, to be held against the rate itself.",
        ("rate",),
    ),
    MetricName.SNAPSHOT_INFO: Metric(
        "info", "The index that serves.", ("snapshot", "embedding_space", "pack", "licence")
    ),
    MetricName.SNAPSHOT_SERVING: Metric("gauge", "Seconds since the index that serves was taken into use here."),
    MetricName.SNAPSHOT_SWITCHES: Metric("counter", "How often another index was taken into use while running."),
    MetricName.SNAPSHOT_REFUSALS: Metric(
        "counter", "Indexes that were to serve and could not, by code; the one before serves on.", ("code",)
    ),
    MetricName.RECONCILE_FAULTS: Metric(
        "gauge",
        "Received and decided differ: missing, doubled and other faults that stand; each must be 0, whatever the lag.",
        ("kind",),
    ),
    MetricName.RECONCILE_RECORDS: Metric("counter", "Records held against the ledger."),
    MetricName.RECONCILE_LAST: Metric(
        "gauge", "When received and decided were compared last, seconds since 1970; 0: not since the start."
    ),
}
