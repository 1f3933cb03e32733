"""Every metric's name, type, unit, labels and sentence, in one place. `docs/metrics.md` is written from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "BATCH_EDGES",
    "COSINE_EDGES",
    "LATENCY_EDGES_S",
    "METRICS",
    "PROCESS_METRICS",
    "STAGE_EDGES_S",
    "Metric",
    "MetricName",
]

LATENCY_EDGES_S = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0, 30.0, 60.0)
"""One edge lies exactly on the objective of 2 s: only then is the share within it counted and not estimated."""
STAGE_EDGES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From a search (a millisecond) to a batch of 32 on a slow core, and a database that answers at last."""
BATCH_EDGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
COSINE_EDGES = (
    *(-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    *(0.85, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 1.0),
)
"""Finer above .8: there lie the open pack's thresholds (.88 to .96), those of ArcFace packs lie between .1 and .5."""
_FILL_EDGES = (0.03125, 0.0625, 0.125, 0.25, 0.5, 0.75, 1.0)


class MetricName(StrEnum):
    """Names as Prometheus sees them. No label ever grows with people, devices, units or requests."""

    RECEIVED = "hadir_received_total"
    VERDICTS = "hadir_verdicts_total"
    VERDICT_REASONS = "hadir_verdict_reasons_total"
    VERDICT_LATENCY = "hadir_verdict_latency_seconds"
    DUPLICATES = "hadir_duplicates_total"
    DEAD_LETTERS = "hadir_dead_letters_total"
    SECURITY_EVENTS = "hadir_security_events_total"
    PHOTO_REPLAYS = "hadir_photo_replays_total"
    OLDEST_UNDECIDED = "hadir_oldest_undecided_age_seconds"
    CONSUMER_LAG = "hadir_consumer_lag_records"
    PARTITIONS = "hadir_partitions_assigned"
    INTAKE_PAUSED = "hadir_intake_paused"
    IN_FLIGHT = "hadir_in_flight_check_ins"
    OUTBOX = "hadir_outbox_unpublished"
    PART_FAILURES = "hadir_part_failures_total"
    STAGE_DURATION = "hadir_stage_duration_seconds"
    PHOTOS = "hadir_photos_total"
    BATCH_PHOTOS = "hadir_batch_photos"
    BATCH_FILL = "hadir_batch_fill_ratio"
    WORKER_BUSY = "hadir_worker_busy_seconds_total"
    POOL_WORKERS = "hadir_pool_workers"
    POOL_WORKERS_WANTED = "hadir_pool_workers_wanted"
    POOL_REPLACEMENTS = "hadir_pool_replacements_total"
    RETRIES = "hadir_pool_retries_total"
    MODEL_INFO = "hadir_model_info"
    MODEL_FALLBACK = "hadir_model_fallback"
    CLAIMED_COSINE = "hadir_claimed_cosine_similarity"
    OTHER_COSINE = "hadir_other_cosine_similarity"
    IMPOSTOR_COMPARISONS = "hadir_impostor_comparisons_total"
    IMPOSTOR_MATCHES = "hadir_impostor_matches_total"
    SNAPSHOT_INFO = "hadir_snapshot_info"
    SNAPSHOT_BUILT = "hadir_snapshot_built_timestamp_seconds"
    SNAPSHOT_PEOPLE = "hadir_snapshot_people"
    SNAPSHOT_SERVING = "hadir_snapshot_serving_seconds"
    SNAPSHOT_SWITCHES = "hadir_snapshot_switches_total"
    SNAPSHOT_REFUSALS = "hadir_snapshot_refusals_total"
    RECONCILE_FAULTS = "hadir_reconcile_faults"
    RECONCILE_RECORDS = "hadir_reconcile_records_total"
    RECONCILE_TIMESTAMP = "hadir_reconcile_timestamp_seconds"
    BUILD_INFO = "hadir_build_info"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is: `kind` counter, gauge, histogram or info; `unit` of what it counts or measures, "" for info;
    `edges` for histograms, upper ends, inclusive."""

    kind: str
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()


PROCESS_METRICS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)
"""Of the process that runs the loop, as prometheus_client's ProcessCollector reads them; workers are others."""

METRICS: dict[MetricName, Metric] = {
    MetricName.RECEIVED: Metric("counter", "records", "Records taken from the log."),
    MetricName.VERDICTS: Metric(
        "counter", "verdicts", "Verdicts written, by outcome and channel.", ("outcome", "channel")
    ),
    MetricName.VERDICT_REASONS: Metric(
        "counter", "reasons", "Reasons given; one verdict may have several.", ("outcome", "reason")
    ),
    MetricName.VERDICT_LATENCY: Metric(
        "histogram",
        "seconds",
        "From the broker's receipt of a check-in to its durable verdict.",
        ("channel",),
        LATENCY_EDGES_S,
    ),
    MetricName.DUPLICATES: Metric(
        "counter", "records", "The same check-in again, same content: answered with its first verdict."
    ),
    MetricName.DEAD_LETTERS: Metric("counter", "records", "Records set aside, by code.", ("code",)),
    MetricName.SECURITY_EVENTS: Metric("counter", "events", "Security events, by code.", ("code",)),
    MetricName.PHOTO_REPLAYS: Metric(
        "counter",
        "photos",
        "Photos that an earlier check-in had brought: the same bytes or a near copy, of the same or another person.",
        ("match", "person"),
    ),
    MetricName.OLDEST_UNDECIDED: Metric(
        "gauge",
        "seconds",
        "Age of the oldest check-in that was received and is not decided, in hand or still in the log of this member's "
        "partitions; 0: none. Where neither log nor ledger can be asked: the time since they could.",
    ),
    MetricName.CONSUMER_LAG: Metric(
        "gauge", "records", "Records in the log of this member's partitions that the ledger has not got past."
    ),
    MetricName.PARTITIONS: Metric("gauge", "partitions", "Partitions of the check-in topic that this member reads."),
    MetricName.INTAKE_PAUSED: Metric(
        "gauge", "0 or 1", "1: nothing is fetched now, as much is in hand as may be, or the ledger does not take it."
    ),
    MetricName.IN_FLIGHT: Metric("gauge", "check-ins", "Check-ins handed to workers and not back yet."),
    MetricName.OUTBOX: Metric("gauge", "verdicts", "Verdicts in the ledger that are not yet on their topic."),
    MetricName.PART_FAILURES: Metric(
        "counter",
        "failures",
        "A part (ledger, photos, outbox; position: another member wrote first) failed with this code and will be tried "
        "again.",
        ("part", "code"),
    ),
    MetricName.STAGE_DURATION: Metric(
        "histogram",
        "seconds",
        "What a stage took: decode, detect, align, embed, search in a worker, each once per batch; decide once per "
        "group judged; ledger once per transaction; publish once per send of the outbox.",
        ("stage",),
        STAGE_EDGES_S,
    ),
    MetricName.PHOTOS: Metric("counter", "photos", "Photos that workers have looked at."),
    MetricName.BATCH_PHOTOS: Metric("histogram", "photos", "Photos in a submitted batch.", (), BATCH_EDGES),
    MetricName.BATCH_FILL: Metric("histogram", "ratio", "Photos in a submitted batch over its limit.", (), _FILL_EDGES),
    MetricName.WORKER_BUSY: Metric(
        "counter",
        "seconds",
        "Time that workers worked on batches, all together; its rate over hadir_pool_workers is their use.",
    ),
    MetricName.POOL_WORKERS: Metric("gauge", "workers", "Face workers that are ready to serve."),
    MetricName.POOL_WORKERS_WANTED: Metric("gauge", "workers", "Face workers that should serve."),
    MetricName.POOL_REPLACEMENTS: Metric(
        "counter",
        "workers",
        "Face workers that had to be replaced: they died, hung, were far slower than their peers, or could not work.",
        ("cause",),
    ),
    MetricName.RETRIES: Metric("counter", "batches", "Batches sent again after a worker died."),
    MetricName.MODEL_INFO: Metric(
        "info",
        "",
        "What the models run on: the runtime that was asked for, the provider in use, the precision.",
        ("runtime", "provider", "precision"),
    ),
    MetricName.MODEL_FALLBACK: Metric(
        "gauge", "0 or 1", "1: the CPU serves although a graphics card was asked for (faces.allow_cpu)."
    ),
    MetricName.CLAIMED_COSINE: Metric(
        "histogram",
        "cosine",
        "New face verdicts: similarity of the probe to the claimed person, before any normalisation.",
        (),
        COSINE_EDGES,
    ),
    MetricName.OTHER_COSINE: Metric(
        "histogram",
        "cosine",
        "New face verdicts: similarity of the probe to the best other enrolled person, before any normalisation.",
        (),
        COSINE_EDGES,
    ),
    MetricName.IMPOSTOR_COMPARISONS: Metric(
        "counter", "comparisons", "Live probes times the enrolled people that nobody claimed them to be."
    ),
    MetricName.IMPOSTOR_MATCHES: Metric(
        "counter",
        "comparisons",
        "Of these, comparisons whose cosine reached the threshold of this rate; over the comparisons it is the false "
        "match rate as it is today, to be held against the rate itself.",
        ("rate",),
    ),
    MetricName.SNAPSHOT_INFO: Metric(
        "info", "", "The index that serves.", ("snapshot", "embedding_space", "pack", "licence")
    ),
    MetricName.SNAPSHOT_BUILT: Metric("gauge", "seconds since 1970", "When the index that serves was built."),
    MetricName.SNAPSHOT_PEOPLE: Metric("gauge", "people", "Enrolled people in the index that serves."),
    MetricName.SNAPSHOT_SERVING: Metric(
        "gauge", "seconds", "Time since the index that serves was taken into use here."
    ),
    MetricName.SNAPSHOT_SWITCHES: Metric(
        "counter", "switches", "How often another index was taken into use while running."
    ),
    MetricName.SNAPSHOT_REFUSALS: Metric(
        "counter", "refusals", "Indexes that were to serve and could not, by code; the one before serves on.", ("code",)
    ),
    MetricName.RECONCILE_FAULTS: Metric(
        "gauge",
        "records",
        "Received and decided differ: missing, doubled and other faults that stand; each must be 0, whatever the lag.",
        ("kind",),
    ),
    MetricName.RECONCILE_RECORDS: Metric("counter", "records", "Records held against the ledger."),
    MetricName.RECONCILE_TIMESTAMP: Metric(
        "gauge",
        "seconds since 1970",
        "When received and decided were compared last; 0: not since the start.",
    ),
    MetricName.BUILD_INFO: Metric("info", "", "The version of Hadir that runs.", ("version",)),
}
