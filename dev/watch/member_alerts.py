"""Alerts on the members themselves: workers that are missing, books that do not balance, pages that are silent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dev.watch.rule import Alerting, Group
from dev.watch.times import Scale

__all__ = ["member_alerts"]

REPLACED: Final = 6
"""Workers within half an hour: one may die, a worker that dies every five minutes has a reason."""


def member_alerts(scale: Scale) -> Group:
    """Workers, reconciliation, and whether anything is heard at all."""
    return Group("hadir-member-alerts", (*_workers(scale), *_reconcile(scale), *_absent(scale)))


def _workers(scale: Scale) -> Iterator[Alerting]:
    yield Alerting(
        "HadirWorkersMissing",
        "page",
        """sum by (namespace) (hadir_pool_workers{job="hadir"})
  / (sum by (namespace) (hadir_pool_workers_wanted{job="hadir"}) > 0) < 0.5""",
        scale.span("5m"),
        "Fewer than half of the face workers serve",
        "Only {{ $value | humanizePercentage }} of the workers that should serve do: a surge will be late.",
        "hadir-latency",
        cause="most",
    )
    yield Alerting(
        "HadirWorkersMissing",
        "ticket",
        'hadir_pool_workers_wanted{job="hadir"} - hadir_pool_workers{job="hadir"} > 0',
        scale.span("10m"),
        "{{ $labels.instance }} lacks face workers",
        "{{ $value }} of its workers have not come back: nobody replaced them, or they cannot start.",
        "hadir-latency",
        cause="some",
    )
    yield Alerting(
        "HadirWorkersMissing",
        "ticket",
        f"""sum by (namespace) (
  increase(hadir_pool_replacements_total{{job="hadir"}}[{scale.span("30m")}])
) >= {REPLACED}""",
        "0s",
        "Face workers end again and again",
        "{{ $value | printf `%.0f` }} workers were replaced within half an hour.",
        "hadir-latency",
        cause="dying",
    )


def _reconcile(scale: Scale) -> Iterator[Alerting]:
    yield Alerting(
        "HadirReconcileFaults",
        "page",
        'max by (namespace, kind) (hadir_reconcile_faults{job="hadir"}) > 0',
        scale.span("5m"),
        "Received and decided differ ({{ $labels.kind }})",
        "{{ $value }} records of the check-in topic are not in the ledger as they should be. The topic keeps them for "
        "48 h: what is missing can be decided until then.",
        "hadir-latency",
        cause="differ",
    )
    yield Alerting(
        "HadirReconcileFaults",
        "ticket",
        f"""time()
  - max by (namespace) (hadir_reconcile_timestamp_seconds{{job="hadir"}} > 0) > {scale.age(25 * 3600)}""",
        "0s",
        "Received and decided have not been compared for a day",
        "The last comparison is {{ $value | humanizeDuration }} old: that nothing is missing is not known.",
        "hadir-latency",
        cause="not-compared",
    )


def _absent(scale: Scale) -> Iterator[Alerting]:
    hour = scale.span("1h")
    yield Alerting(
        "HadirMetricsAbsent",
        "page",
        f"""absent(up{{job="hadir"}} == 1)
or
(
  (group by (namespace) (max_over_time(up{{job="hadir"}}[{hour}]) == 1)
    unless group by (namespace) (up{{job="hadir"}} == 1))
  unless on () absent(up{{job="hadir"}} == 1)
)""",
        scale.span("3m"),
        "No member of Hadir is heard",
        "Prometheus reaches no member: they are down, or nobody can see whether check-ins are answered.",
        "hadir-latency",
        cause="all",
    )
    yield Alerting(
        "HadirMetricsAbsent",
        "ticket",
        'up{job="hadir"} == 0',
        scale.span("5m"),
        "{{ $labels.instance }} is not heard",
        "Prometheus cannot read this member's page; others may have taken its partitions.",
        "hadir-latency",
        cause="one",
    )
