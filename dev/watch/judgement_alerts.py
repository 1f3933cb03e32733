"""Alerts on what judges: members that judge by different indexes, a card that fell back, answers that shifted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dev.watch.rule import Alerting, Group
from dev.watch.times import Scale

__all__ = ["judgement_alerts"]

SHIFT: Final = 0.05
"""Of the match rate, in either direction: 3.6 sigma of the noise between two hours of the fewest face verdicts."""
LEAST_MATCH_RATE: Final = 0.8
"""Where there is no such hour to compare with. Not a good rate: one that alarms without any comparison."""
TIMES_ITS_USUAL: Final = 4
QUICK_S: Final = 0.25
"""Whatever its usual, a p99 within an eighth of the objective is nothing to look at."""
SLOW_S: Final = 1.5
"""Three quarters of the objective: what is slow where nothing is known of other days."""


def judgement_alerts(scale: Scale) -> Group:
    """Index, models, match rate, and the time a judgement takes."""
    return Group(
        "hadir-judgement-alerts",
        (*_snapshots(scale), _fallback(scale), _match_rate(scale), _regression(scale)),
    )


def _snapshots(scale: Scale) -> Iterator[Alerting]:
    yield Alerting(
        "HadirSnapshotMismatch",
        "page",
        """count by (namespace) (
  count by (namespace, snapshot, embedding_space, pack) (hadir_snapshot_info{job="hadir"})
) > 1""",
        # A rolling upgrade passes through it.
        scale.span("10m"),
        "Members judge by different indexes",
        "{{ $value }} different indexes or packs serve at once: the same face may be accepted by one member and "
        "refused by the other.",
        "hadir-index",
        cause="differ",
    )
    window = scale.span("30m")
    yield Alerting(
        "HadirSnapshotMismatch",
        "ticket",
        # A code that has never come before begins at 1, which is no increase to Prometheus.
        f"""sum by (namespace, code) (
  increase(hadir_snapshot_refusals_total{{job="hadir"}}[{window}]) > 0
  or
  (hadir_snapshot_refusals_total{{job="hadir"}} unless hadir_snapshot_refusals_total{{job="hadir"}} offset {window})
) > 0""",
        "0s",
        "An index was to serve and was refused ({{ $labels.code }})",
        "A snapshot was promoted, and a member cannot use it: the one before serves on.",
        "hadir-index",
        cause="refused",
    )


def _fallback(scale: Scale) -> Alerting:
    return Alerting(
        "HadirModelFallback",
        "ticket",
        'hadir_model_fallback{job="hadir"} == 1',
        scale.span("5m"),
        "{{ $labels.instance }} serves on the processor although a graphics card was asked for",
        "faces.allow_cpu let it start. It decides as well, but far fewer per second: the next surge will be late.",
        "hadir-index",
    )


def _match_rate(scale: Scale) -> Alerting:
    rate, week = "hadir:match_rate:ratio1h", scale.span("1w")
    return Alerting(
        "HadirMatchRateShift",
        "ticket",
        f"""abs({rate} - {rate} offset {week}) > {SHIFT}
or
({rate} < {LEAST_MATCH_RATE} unless {rate} offset {week})""",
        scale.span("15m"),
        "Faces match more or less often than at this hour a week ago",
        "The share of faces that match the claimed person differs by {{ $value | humanizePercentage }} from the same "
        "hour last week (or, where there is none to compare with, is as low as this).",
        "hadir-index",
    )


def _regression(scale: Scale) -> Alerting:
    now, usual = "hadir:verdict_latency:p99_10m", "hadir:verdict_latency:usual_p99"
    return Alerting(
        "HadirVerdictLatencyRegression",
        "ticket",
        f"""({now} > {TIMES_ITS_USUAL} * {usual} and {now} > {QUICK_S})
or
({now} > {SLOW_S} unless {usual})""",
        scale.span("10m"),
        "Verdicts take several times as long as usual at this time of day",
        "The p99 of the last ten minutes is {{ $value | humanizeDuration }}: perhaps within the objective of 2 s, and "
        "far above other mornings.",
        "hadir-latency",
    )
