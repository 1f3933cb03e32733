"""Below the latency of the SRE's page: batches, lag, workers, the parts that may fail, and the driver's own process."""

from __future__ import annotations

from typing import Final

from dev.watch.expressions import COURSE, MEMBER, quantile, rate, share, total
from dev.watch.panels import Look, Panel, Query

__all__ = ["BATCHES", "LAG", "PARTS", "PROCESS", "WORKERS"]

_ONLY_FAULTS: Final = "counts failures: none on a good day"

BATCHES: Final = (
    Panel(
        "Photos looked at",
        "Photos that workers looked at, a second: the load that the processors see.",
        "suffix: photos/s",
        (Query(rate("hadir_photos_total"), "photos"),),
        width=6,
        looks={"photos": Look("blue")},
    ),
    Panel(
        "Photos in a batch",
        "Mean and p95. No batch waits for photos: small ones mean that workers keep up, full ones that work queues.",
        "none",
        (
            Query(share(rate("hadir_batch_photos_sum"), rate("hadir_batch_photos_count")), "mean"),
            Query(quantile(0.95, "hadir_batch_photos", COURSE), "p95"),
        ),
        width=6,
        looks={"mean": Look("blue"), "p95": Look("orange")},
    ),
    Panel(
        "Fill of a batch",
        "Mean of photos in a batch over its limit. At 100 % the pool is saturated: latency now grows with every "
        "arrival.",
        "percentunit",
        (Query(share(rate("hadir_batch_fill_ratio_sum"), rate("hadir_batch_fill_ratio_count")), "fill"),),
        width=6,
        steps=((None, "green"), (0.9, "orange")),
        marks=True,
        most=1,
        looks={"fill": Look("blue")},
    ),
    Panel(
        "In flight",
        "Check-ins that are with workers. Fetching pauses at [pool] in_flight_check_ins and resumes at half of it.",
        "none",
        (Query(total("hadir_in_flight_check_ins", "instance"), "{{instance}}"),),
        width=6,
    ),
)

LAG: Final = (
    Panel(
        "Lag in records",
        "Records in the log of a member's partitions that its ledger position has not got past.",
        "locale",
        (Query(total("hadir_consumer_lag_records", "instance"), "{{instance}}"),),
        width=6,
        runbook="HadirLagGrowing",
    ),
    Panel(
        "Lag in seconds",
        "Age of a member's oldest undecided check-in. Orange: the objective, red: HadirPipelineStalled.",
        "s",
        (Query(f"max by (instance) (hadir_oldest_undecided_age_seconds{{{MEMBER}}})", "{{instance}}"),),
        width=6,
        steps=((None, "green"), (2, "orange"), (60, "red")),
        marks=True,
        runbook="HadirPipelineStalled",
    ),
    Panel(
        "Partitions of each member",
        "Together they must be all of the topic's; less means that a rebalance is going on, or that a member is gone.",
        "none",
        (Query(total("hadir_partitions_assigned", "instance"), "{{instance}}"),),
        width=6,
        stacked=True,
        runbook="HadirPipelineStalled",
    ),
    Panel(
        "Fetching paused",
        "Share of the time in which a member fetches nothing, because as much is in hand as may be or the ledger takes "
        "nothing. The brake works; what is slow stands further down.",
        "percentunit",
        (Query(f"avg by (instance) (avg_over_time(hadir_intake_paused{{{MEMBER}}}[{COURSE}]))", "{{instance}}"),),
        width=6,
        most=1,
    ),
)

WORKERS: Final = (
    Panel(
        "Face workers",
        "Those that serve, and, dashed, those that should.",
        "none",
        (
            Query(total("hadir_pool_workers"), "serving"),
            Query(total("hadir_pool_workers_wanted"), "wanted"),
        ),
        looks={"serving": Look("green"), "wanted": Look("#8e8e8e", dashed=True)},
        runbook="HadirWorkersMissing",
    ),
    Panel(
        "Use of the workers",
        "Time that workers worked, over the time they had. Above 80 % queues form: add workers.",
        "percentunit",
        (Query(share(rate("hadir_worker_busy_seconds_total"), total("hadir_pool_workers")), "use"),),
        steps=((None, "green"), (0.8, "orange")),
        marks=True,
        most=1,
        looks={"use": Look("blue")},
    ),
    Panel(
        "Workers replaced, batches tried again",
        "By cause: died, hung, far slower than their peers, unable to work. Often: look at memory, or at one photo "
        "that kills (its check-in goes to review).",
        "none",
        (
            Query(
                f"sum by (cause) (increase(hadir_pool_replacements_total{{{MEMBER}}}[5m]))",
                "{{cause}}",
                quiet=_ONLY_FAULTS,
            ),
            Query(f"sum(increase(hadir_pool_retries_total{{{MEMBER}}}[5m]))", "tried again"),
        ),
        looks={"tried again": Look("#8e8e8e")},
        runbook="HadirWorkersMissing",
    ),
)

PARTS: Final = (
    Panel(
        "Parts that fail and are tried again",
        "By part and code, in 5 minutes. Nothing is lost while ledger, photos or outbox fail; check-ins wait. "
        "position: another member wrote first, as happens when partitions move.",
        "none",
        (
            Query(
                f"sum by (part, code) (increase(hadir_part_failures_total{{{MEMBER}}}[5m])) > 0",
                "{{part}}: {{code}}",
                quiet=_ONLY_FAULTS,
            ),
        ),
        width=6,
        nothing="none failed",
        runbook="HadirLedgerFailing",
    ),
    Panel(
        "Outbox",
        "Verdicts in the ledger that are not on their topic yet. It grows while the broker takes nothing; no verdict "
        "is lost.",
        "locale",
        (Query(f"max(hadir_outbox_unpublished{{{MEMBER}}})", "unpublished"),),
        width=6,
        looks={"unpublished": Look("orange")},
        runbook="HadirVerdictsUnpublished",
    ),
    Panel(
        "Dead letters",
        "Records set aside, by code, in 5 minutes. undecodable: a client writes another format. id_conflict: one id, "
        "two contents. processing_failed: its photo killed a worker three times.",
        "none",
        (Query(f"sum by (code) (increase(hadir_dead_letters_total{{{MEMBER}}}[5m]))", "{{code}}"),),
        width=6,
        looks={"undecodable": Look("orange"), "id_conflict": Look("red"), "processing_failed": Look("purple")},
        runbook="HadirDeadLetters",
    ),
    Panel(
        "Received less decided: faults",
        "What the last comparison of log and ledger found, by kind. Empty, whatever the lag, on a good day.",
        "none",
        (Query(f"max by (kind) (hadir_reconcile_faults{{{MEMBER}}}) > 0", "{{kind}}", quiet=_ONLY_FAULTS),),
        width=6,
        nothing="received and decided agree",
        runbook="HadirReconcileFaults",
    ),
)

PROCESS: Final = (
    Panel(
        "Processor of the driver",
        "Cores that each `hadir run` uses itself; its workers are other processes. Near 1: the loop is the bottleneck, "
        "add a member.",
        "none",
        (Query(f"sum by (instance) (rate(process_cpu_seconds_total{{{MEMBER}}}[{COURSE}]))", "{{instance}}"),),
        steps=((None, "green"), (0.9, "orange")),
        marks=True,
        decimals=2,
    ),
    Panel(
        "Memory of the driver",
        "Resident memory of each `hadir run`. A line that only climbs is a leak: `make soak` shows what is usual.",
        "bytes",
        (Query(f"process_resident_memory_bytes{{{MEMBER}}}", "{{instance}}"),),
    ),
    Panel(
        "File descriptors of the driver",
        "Open ones over the limit. Above 80 %: raise the limit before connections fail.",
        "percentunit",
        (Query(f"process_open_fds{{{MEMBER}}} / process_max_fds{{{MEMBER}}}", "{{instance}}"),),
        steps=((None, "green"), (0.8, "red")),
        most=1,
        marks=True,
    ),
)
