"""The SRE's page: how late are verdicts, in which stage, and which part is full, slow or failing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dev.watch.dashboard_latency_parts import BATCHES, LAG, PARTS, PROCESS, WORKERS
from dev.watch.expressions import COURSE, FIRING, INSTALLATION, MEMBER, quantile, rate, share, total
from dev.watch.panels import Board, Kind, Look, Panel, Query, Row, Steps

__all__ = ["LATENCY"]

_LATENCY: Final = "hadir_verdict_latency_seconds"
_STAGE: Final = "hadir_stage_duration_seconds"
_OBJECTIVE: Final[Steps] = ((None, "green"), (2, "red"))
_BUDGET: Final[Steps] = ((None, "red"), (0, "orange"), (0.25, "green"))
_ANY_IS_BAD: Final[Steps] = ((None, "green"), (0.5, "red"))
_NEEDS_A_DAY: Final = "compares with earlier days: empty on the first, and with fewer than 100 faces in 10 minutes"
_STAGES: Final = {
    "decode": Look("#5794f2"),
    "detect": Look("#3274d9"),
    "align": Look("#8ab8ff"),
    "embed": Look("#b877d9"),
    "search": Look("#73bf69"),
    "decide": Look("#fade2a"),
    "ledger": Look("#ff9830"),
    "publish": Look("#ff7383"),
}
_USUAL: Final = Look("#8e8e8e", dashed=True)
_QUANTILES: Final = {"p50": Look("green"), "p95": Look("orange"), "p99": Look("red")}


def _burning(said: str, objective: str) -> Iterator[Query]:
    for window in ("30m", "3h"):
        yield Query(f"max(hadir:{objective}:burn_rate{window}{{{INSTALLATION}}})", f"{said}, {window}")


def _quantiles(histogram: str) -> tuple[Query, ...]:
    return tuple(Query(quantile(of, histogram, COURSE), f"p{of * 100:g}") for of in (0.5, 0.95, 0.99))


_TILES: Final = (
    Panel(
        "Verdicts within 2 s",
        "Share of the last 15 minutes' verdicts within 2 s of receipt. Objective: 99 %. Empty without check-ins.",
        "percentunit",
        (
            Query(
                share(
                    f'sum(rate({_LATENCY}_bucket{{{MEMBER}, le="2.0"}}[15m]))',
                    f"sum(rate({_LATENCY}_count{{{MEMBER}}}[15m]))",
                )
            ),
        ),
        Kind.STAT,
        3,
        steps=((None, "red"), (0.95, "orange"), (0.99, "green")),
        nothing="no check-ins",
        most=1,
        decimals=2,
        runbook="HadirVerdictLatencyBudgetBurn",
    ),
    Panel(
        "p99 to verdict",
        "From receipt to verdict, last 5 minutes, estimated from buckets. The objective is 2 s.",
        "s",
        (Query(f"{quantile(0.99, _LATENCY, '5m')} > 0"),),
        Kind.STAT,
        3,
        steps=((None, "green"), (1, "orange"), (2, "red")),
        nothing="no check-ins",
        decimals=2,
        runbook="HadirVerdictLatencyRegression",
    ),
    Panel(
        "Latency budget left",
        "Of the 1 % of 30 days' verdicts that may take longer than 2 s: how much is unused. Below 0: the objective is "
        "missed; no risky change until it recovers.",
        "percentunit",
        (Query(f"min(hadir:verdict_latency:budget_left30d{{{INSTALLATION}}})"),),
        Kind.STAT,
        3,
        still=True,
        steps=_BUDGET,
        nothing="no check-ins",
        least=None,
        most=1,
        decimals=0,
        runbook="HadirVerdictLatencyBudgetBurn",
    ),
    Panel(
        "Decision budget left",
        "Of the 0.1 % of 30 days' check-ins that may stay undecided or be set aside: how much is unused. Below 0: the "
        "objective is missed. configs/objectives.toml says what counts.",
        "percentunit",
        (Query(f"min(hadir:decisions:budget_left30d{{{INSTALLATION}}})"),),
        Kind.STAT,
        3,
        still=True,
        steps=_BUDGET,
        nothing="no check-ins",
        least=None,
        most=1,
        decimals=0,
        runbook="HadirDecisionBudgetBurn",
    ),
    Panel(
        "Oldest undecided",
        "Age of the oldest check-in that was received and has no verdict, in hand or still in the log. 0: none waits.",
        "s",
        (Query(f"max(hadir_oldest_undecided_age_seconds{{{MEMBER}}})"),),
        Kind.STAT,
        3,
        steps=((None, "green"), (2, "orange"), (60, "red")),
        decimals=1,
        runbook="HadirPipelineStalled",
    ),
    Panel(
        "Workers missing",
        "Face workers that should serve, less those that do. For seconds after a restart this is normal.",
        "none",
        (Query(f"{total('hadir_pool_workers_wanted')} - {total('hadir_pool_workers')}"),),
        Kind.STAT,
        3,
        steps=_ANY_IS_BAD,
        decimals=0,
        runbook="HadirWorkersMissing",
    ),
    Panel(
        "Dead letters, 24 h",
        "Records that were set aside unjudged. Each is a person without a verdict: read them with "
        "`hadir dead-letters list`.",
        "locale",
        (Query(f"sum(increase(hadir_dead_letters_total{{{MEMBER}}}[24h]))"),),
        Kind.STAT,
        3,
        still=True,
        steps=_ANY_IS_BAD,
        decimals=0,
        runbook="HadirDeadLetters",
    ),
    Panel(
        "Alerts firing",
        "Alerts of Hadir that fire now; they are red lines in the curves below.",
        "none",
        (Query(f"count({FIRING}) or on() vector(0)"),),
        Kind.STAT,
        3,
        steps=_ANY_IS_BAD,
        decimals=0,
    ),
)

_HOW_LATE: Final = (
    Panel(
        "Received to verdict",
        "From the broker's receipt of a check-in to its durable verdict, all channels, estimated from buckets. Red: "
        "the objective of 2 s. Dashed: the usual p99 of faces at this time of day (median of a week), from which "
        "HadirVerdictLatencyRegression counts.",
        "s",
        (
            *_quantiles(_LATENCY),
            Query(f"max(hadir:verdict_latency:usual_p99{{{INSTALLATION}}})", "usual p99", quiet=_NEEDS_A_DAY),
        ),
        width=12,
        steps=_OBJECTIVE,
        marks=True,
        looks={**_QUANTILES, "usual p99": _USUAL},
        runbook="HadirVerdictLatencyBudgetBurn",
    ),
    Panel(
        "How many waited how long",
        "The same as counts in each bucket: two bands are two kinds of check-ins, a slow partition or a slow worker, "
        "which a percentile hides.",
        "s",
        (Query(f"sum by (le) (increase({_LATENCY}_bucket{{{MEMBER}}}[{COURSE}]))", "{{le}}"),),
        Kind.HEATMAP,
        12,
    ),
    Panel(
        "Received and decided",
        "Records taken from the log, verdicts written, and repetitions that were answered again, a second. Received "
        "above decided for minutes: the pipeline is too slow.",
        "reqps",
        (
            Query(rate("hadir_received_total"), "received"),
            Query(rate("hadir_verdicts_total"), "decided"),
            Query(rate("hadir_duplicates_total"), "repetitions"),
        ),
        width=12,
        looks={"received": Look("blue"), "decided": Look("green"), "repetitions": _USUAL},
        runbook="HadirLagGrowing",
    ),
    Panel(
        "How fast the budgets burn",
        "Share of bad check-ins over the share that may be bad: at 1 the budget lasts exactly its month. Late: "
        "verdicts after more than 2 s. Undecided: no verdict. Alerts ask for a long and a short window at once.",
        "none",
        (
            *_burning("late", "verdict_latency"),
            *_burning("undecided", "decisions"),
        ),
        width=12,
        steps=((None, "green"), (1, "orange")),
        marks=True,
        looks={
            "late, 30m": Look("red"),
            "late, 3h": Look("light-red", dashed=True),
            "undecided, 30m": Look("purple"),
            "undecided, 3h": Look("light-purple", dashed=True),
        },
        runbook="HadirVerdictLatencyBudgetBurn",
    ),
)

_WHERE: Final = (
    Panel(
        "Time in each stage, over the time that passes",
        "Seconds that all members together spend in a stage, a second: 1 is one core, or one connection, always busy. "
        "The widest band is what to speed up or to scale.",
        "none",
        (Query(rate(f"{_STAGE}_sum", "stage"), "{{stage}}"),),
        width=12,
        stacked=True,
        looks=_STAGES,
    ),
    Panel(
        "p95 of each stage",
        "Decode to search: of one batch in a worker. Decide: of one group. Ledger: of one transaction. Publish: of one "
        "send. A logarithmic axis: one that climbs alone is the culprit.",
        "s",
        (Query(quantile(0.95, _STAGE, COURSE, "stage"), "{{stage}}"),),
        width=12,
        log=True,
        least=None,
        looks=_STAGES,
        runbook="HadirVerdictLatencyRegression",
    ),
)

LATENCY: Final = Board(
    "latency",
    "hadir-latency",
    "Hadir: Pipeline latency",
    "How late verdicts are, in which stage the time goes, and which part is full, slow or failing.",
    "now-1h",
    "30s",
    (
        Row("", 4, _TILES),
        Row("How late", 8, _HOW_LATE),
        Row("Stages", 8, _WHERE),
        Row("Batches", 7, BATCHES),
        Row("Lag", 7, LAG),
        Row("Workers", 7, WORKERS),
        Row("Parts", 7, PARTS),
        Row("Process", 7, PROCESS),
    ),
)
